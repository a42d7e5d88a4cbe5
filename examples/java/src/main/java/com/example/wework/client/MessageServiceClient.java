package com.example.wework.client;

import com.example.wework.dto.AcceptedMessage;
import com.example.wework.dto.ApiResponse;
import com.example.wework.dto.BatchSendMessageRequest;
import com.example.wework.dto.BatchSendMessageResponse;
import com.example.wework.dto.BatchStatus;
import com.example.wework.dto.MediaAsset;
import com.example.wework.dto.MessagePage;
import com.example.wework.dto.MessageStatusResponse;
import com.example.wework.dto.SendMessageRequest;
import com.example.wework.dto.SendMessageResponse;

import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.core.ParameterizedTypeReference;
import org.springframework.core.io.Resource;
import org.springframework.http.HttpEntity;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;
import org.springframework.stereotype.Component;
import org.springframework.util.Assert;
import org.springframework.util.LinkedMultiValueMap;
import org.springframework.util.MultiValueMap;
import org.springframework.web.client.ResourceAccessException;
import org.springframework.web.client.RestTemplate;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * The message service as Java methods. Each throws a {@link MessageServiceException} where the
 * service refuses, and a {@link ResourceAccessException} where it cannot be reached or does not
 * answer.
 *
 * <p>Every send has a {@code clientMessageId} of the caller, such as the number of an order and
 * what is said about it: whoever repeats a send with the same one, here or after a restart, gets
 * the message of the first time and sends no second one.
 */
@Component
public class MessageServiceClient {

    /**
     * The service answers a wait of at most 30 s; the rest of {@code readTimeout} is for the way.
     */
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(20);

    private final RestTemplate rest;

    MessageServiceClient(@Qualifier("messageServiceRestTemplate") RestTemplate rest) {
        this.rest = rest;
    }

    /**
     * Sends a message and waits up to ten seconds for its outcome. {@code isOpen()}: it is stored,
     * and goes on.
     */
    public SendMessageResponse send(SendMessageRequest request) {
        return post(
                "/api/messages/send",
                request,
                request.getClientMessageId(),
                new ParameterizedTypeReference<>() {});
    }

    /** Stores a message that is sent in the background. */
    public AcceptedMessage sendAsync(SendMessageRequest request) {
        return post(
                "/api/messages/send/async",
                request,
                request.getClientMessageId(),
                new ParameterizedTypeReference<>() {});
    }

    /** Stores one content for many recipients. Some may be refused: look at the items. */
    public BatchSendMessageResponse sendBatch(BatchSendMessageRequest request) {
        return post(
                "/api/messages/send/batch",
                request,
                request.getClientMessageId(),
                new ParameterizedTypeReference<>() {});
    }

    /** How far a batch is. */
    public BatchStatus batch(String batchId) {
        return get(
                "/api/messages/batches/{batchId}", new ParameterizedTypeReference<>() {}, batchId);
    }

    public MessageStatusResponse status(String messageId) {
        return get(
                "/api/messages/{messageId}/status",
                new ParameterizedTypeReference<>() {},
                messageId);
    }

    /**
     * The status once nothing will change any more, or what it is after {@code limit}. The service
     * holds each call until something changes, so this asks seldom. Where many messages are
     * awaited, use the webhook.
     */
    public MessageStatusResponse awaitFinal(String messageId, Duration limit) {
        Instant end = Instant.now().plus(limit);
        MessageStatusResponse status = status(messageId);
        while (!status.isFinalStatus() && Instant.now().isBefore(end)) {
            Duration left = Duration.between(Instant.now(), end);
            long wait = Math.max(1, Math.min(left.toSeconds(), LONGEST_WAIT.toSeconds()));
            status =
                    get(
                            "/api/messages/{messageId}/status?wait={seconds}",
                            new ParameterizedTypeReference<>() {},
                            messageId,
                            wait);
        }
        return status;
    }

    /** The message that was sent with this {@code clientMessageId}, by REST or by queue. */
    public Optional<MessageStatusResponse> findByClientMessageId(String clientMessageId) {
        MessagePage page =
                get(
                        "/api/messages?clientMessageId={clientMessageId}",
                        new ParameterizedTypeReference<>() {},
                        clientMessageId);
        return page.getItems().stream().findFirst();
    }

    /**
     * Sends a FAILED or EXPIRED message again, under the same id. Any other is refused: {@code
     * ILLEGAL_STATE}.
     */
    public MessageStatusResponse retry(String messageId) {
        return post(
                "/api/messages/{messageId}/retry",
                null,
                null,
                new ParameterizedTypeReference<>() {},
                messageId);
    }

    /** Takes a message back that was sent. */
    public MessageStatusResponse recall(String guid, String messageId) {
        return call(
                HttpMethod.DELETE,
                "/api/messages/{guid}/messages/{messageId}",
                null,
                new ParameterizedTypeReference<>() {},
                guid,
                messageId);
    }

    /** Uploads a file once; any number of messages may name its {@code mediaId}. */
    public MediaAsset upload(Resource file) {
        MultiValueMap<String, Object> parts = new LinkedMultiValueMap<>();
        parts.add("file", file);
        HttpHeaders headers = new HttpHeaders();
        headers.setContentType(MediaType.MULTIPART_FORM_DATA);
        return call(
                HttpMethod.POST,
                "/api/media",
                new HttpEntity<>(parts, headers),
                new ParameterizedTypeReference<>() {});
    }

    private <T> T get(
            String path, ParameterizedTypeReference<ApiResponse<T>> type, Object... variables) {
        return call(HttpMethod.GET, path, null, type, variables);
    }

    private <T> T post(
            String path,
            Object body,
            String key,
            ParameterizedTypeReference<ApiResponse<T>> type,
            Object... variables) {
        HttpHeaders headers = new HttpHeaders();
        if (body != null) {
            Assert.hasText(
                    key,
                    "A send needs a clientMessageId: without it a repetition would be a second"
                            + " message");
            headers.set(RepeatingInterceptor.IDEMPOTENCY_KEY, key);
        }
        return call(HttpMethod.POST, path, new HttpEntity<>(body, headers), type, variables);
    }

    private <T> T call(
            HttpMethod method,
            String path,
            HttpEntity<?> request,
            ParameterizedTypeReference<ApiResponse<T>> type,
            Object... variables) {
        ApiResponse<T> answer = rest.exchange(path, method, request, type, variables).getBody();
        Assert.state(answer != null, () -> "an empty answer of " + path);
        return answer.getData();
    }
}
