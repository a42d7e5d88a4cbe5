package com.example.wework.webhook;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Says whether an event comes from the service: Standard Webhooks, HMAC-SHA256. */
class WebhookSignature {

    private static final String ALGORITHM = "HmacSHA256";
    private static final Duration TOLERANCE = Duration.ofMinutes(5);

    private final SecretKeySpec key;
    private final Clock clock;

    /**
     * @param secret as the service showed it once: {@code whsec_...}
     */
    WebhookSignature(String secret, Clock clock) {
        this.key =
                new SecretKeySpec(
                        Base64.getDecoder().decode(secret.replaceFirst("^whsec_", "")), ALGORITHM);
        this.clock = clock;
    }

    /**
     * The arguments are the three headers, and the body as it came, before anything has parsed it.
     */
    boolean verifies(String id, String timestamp, String signatures, byte[] body) {
        if (!timestamp.matches("[0-9]{1,12}")) {
            return false;
        }
        Instant sent = Instant.ofEpochSecond(Long.parseLong(timestamp));
        if (Duration.between(sent, clock.instant()).abs().compareTo(TOLERANCE) > 0) {
            return false; // somebody may replay what he once saw
        }
        byte[] expected =
                ("v1," + hmac(id + "." + timestamp + ".", body)).getBytes(StandardCharsets.UTF_8);
        boolean verified = false;
        for (String signature : signatures.split(" ")) { // two while a secret is rotated
            verified |= MessageDigest.isEqual(expected, signature.getBytes(StandardCharsets.UTF_8));
        }
        return verified;
    }

    private String hmac(String head, byte[] body) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(key);
            mac.update(head.getBytes(StandardCharsets.UTF_8));
            return Base64.getEncoder().encodeToString(mac.doFinal(body));
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
