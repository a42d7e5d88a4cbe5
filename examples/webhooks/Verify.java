import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Verifies one webhook: java Verify.java ID TIMESTAMP SIGNATURES < body, with the secret in WEBHOOK_SECRET. */
public class Verify {
    static final long TOLERANCE_S = 300;

    /** The arguments are the headers webhook-id, webhook-timestamp and webhook-signature, and the body before it is parsed. */
    static boolean verify(String secret, String id, String timestamp, String signatures, byte[] body)
            throws GeneralSecurityException {
        if (!timestamp.matches("[0-9]{1,12}")
                || Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > TOLERANCE_S) {
            return false;
        }
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret.replaceFirst("^whsec_", "")), "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(StandardCharsets.UTF_8);
        boolean verified = false;
        for (String signature : signatures.split(" ")) {
            verified |= MessageDigest.isEqual(expected, signature.getBytes(StandardCharsets.UTF_8));
        }
        return verified;
    }

    public static void main(String[] args) throws Exception {
        boolean verified =
                verify(System.getenv("WEBHOOK_SECRET"), args[0], args[1], args[2], System.in.readAllBytes());
        System.out.println(verified ? "verified" : "NOT VERIFIED");
        System.exit(verified ? 0 : 1);
    }
}
