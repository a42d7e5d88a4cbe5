package com.example.wework.webhook;

import com.example.wework.client.MessageServiceProperties;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.autoconfigure.condition.ConditionalOnExpression;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RestController;

import java.io.IOException;
import java.time.Clock;

/** Takes the events of the service, once there is a secret that proves them. */
@RestController
@ConditionalOnExpression("!'${wework.message.webhook-secret:}'.isBlank()")
class WebhookController {

    private static final Logger log = LoggerFactory.getLogger(WebhookController.class);

    private final WebhookSignature signature;
    private final ObjectMapper json;
    private final MessageStatuses statuses;

    WebhookController(
            MessageServiceProperties settings, ObjectMapper json, MessageStatuses statuses) {
        this.signature = new WebhookSignature(settings.webhookSecret(), Clock.systemUTC());
        this.json = json;
        this.statuses = statuses;
    }

    /** Answers 2xx only for what is taken: the service tries everything else again later. */
    @PostMapping("/wework/events")
    ResponseEntity<Void> receive(
            @RequestHeader("webhook-id") String id,
            @RequestHeader("webhook-timestamp") String timestamp,
            @RequestHeader("webhook-signature") String signatures,
            @RequestBody byte[] body)
            throws IOException {
        if (!signature.verifies(id, timestamp, signatures, body)) {
            log.warn("An event with a signature that is not valid was refused");
            return ResponseEntity.status(HttpStatus.UNAUTHORIZED).build();
        }
        WebhookEvent event = json.readValue(body, WebhookEvent.class);
        if ("message.status".equals(event.type())) {
            statuses.record(json.treeToValue(event.data(), MessageStatusChange.class));
        }
        return ResponseEntity.noContent().build();
    }
}
