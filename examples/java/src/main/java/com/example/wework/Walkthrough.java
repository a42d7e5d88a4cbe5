package com.example.wework;

import static com.example.wework.dto.MessageStatus.DELIVERED;

import com.example.wework.client.MessageServiceClient;
import com.example.wework.client.MessageServiceException;
import com.example.wework.client.MessageServiceProperties;
import com.example.wework.dto.AcceptedMessage;
import com.example.wework.dto.BatchSendMessageRequest;
import com.example.wework.dto.BatchSendMessageResponse;
import com.example.wework.dto.BatchStatus;
import com.example.wework.dto.MediaAsset;
import com.example.wework.dto.MessageStatus;
import com.example.wework.dto.MessageStatusResponse;
import com.example.wework.dto.MessageTemplateType;
import com.example.wework.dto.SendMessageRequest;
import com.example.wework.dto.SendMessageResponse;
import com.example.wework.queue.MessageQueueProducer;
import com.example.wework.webhook.MessageStatuses;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.ApplicationArguments;
import org.springframework.boot.ApplicationRunner;
import org.springframework.core.io.ClassPathResource;
import org.springframework.stereotype.Component;
import org.springframework.util.Assert;
import org.springframework.util.StringUtils;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * All that a client does with the service, once. Ends with an exception where something is not as
 * it should be.
 */
@Component
class Walkthrough implements ApplicationRunner {

    private static final Logger log = LoggerFactory.getLogger(Walkthrough.class);
    private static final Duration LIMIT = Duration.ofMinutes(1);

    private static final String GUID = "java-sample";
    private static final String CUSTOMER = "S:7881301000000001";
    private static final String REFUSING_CUSTOMER = "S:7881301000000404";

    private final MessageServiceClient messages;
    private final MessageServiceProperties settings;
    private final MessageStatuses told;
    private final ObjectProvider<MessageQueueProducer> queue;

    /** In place of the business that each message is about: another one for each run. */
    private final String order = "order-" + Instant.now().toEpochMilli();

    Walkthrough(
            MessageServiceClient messages,
            MessageServiceProperties settings,
            MessageStatuses told,
            ObjectProvider<MessageQueueProducer> queue) {
        this.messages = messages;
        this.settings = settings;
        this.told = told;
        this.queue = queue;
    }

    @Override
    public void run(ApplicationArguments arguments) throws Exception {
        String textId = sendText();
        awaitEvent(textId);
        sendPicture();
        sendBatch();
        showRefusal();
        retryFailed();
        recall(textId);
        publish();
    }

    private String sendText() {
        SendMessageRequest request = text(CUSTOMER, "paid", "您好，您的订单已支付 🎉");
        SendMessageResponse sent = messages.send(request);
        if (sent.isOpen()) {
            // HTTP 202: it is stored, and on its way. Neither a success nor a failure yet.
            say("TEXT", "%s is still %s", sent.getMessageId(), sent.getStatus());
        }
        awaitDelivery("TEXT", sent.getMessageId());

        // A client that got no answer sends the same request again, with the same key.
        SendMessageResponse again = messages.send(request);
        Assert.state(again.getMessageId().equals(sent.getMessageId()), "not the same message");
        say("TEXT", "%s again: duplicate=%s", again.getMessageId(), again.getDuplicate());
        return sent.getMessageId();
    }

    private void awaitEvent(String messageId) throws InterruptedException {
        if (!StringUtils.hasText(settings.webhookSecret())) {
            say("EVENT", "left out: there is no wework.message.webhook-secret");
            return;
        }
        boolean isTold = told.await(messageId, DELIVERED, LIMIT);
        Assert.state(isTold, "no event has come to /wework/events");
        say("EVENT", "%s DELIVERED, with a valid signature", messageId);
    }

    private void sendPicture() {
        MediaAsset picture = messages.upload(new ClassPathResource("picture.png"));
        SendMessageRequest request =
                message(CUSTOMER, "picture")
                        .messageType(MessageTemplateType.IMAGE)
                        .mediaId(picture.getMediaId())
                        .build();
        AcceptedMessage accepted = messages.sendAsync(request);
        awaitDelivery("IMAGE", accepted.getMessageId());
    }

    private void sendBatch() throws InterruptedException {
        BatchSendMessageRequest request =
                BatchSendMessageRequest.builder()
                        .guid(GUID)
                        .mode(BatchSendMessageRequest.FANOUT)
                        .userList(List.of("7881301000000002", "7881301000000003", "nobody"))
                        .content("新年快乐")
                        .clientMessageId(order + "-new-year")
                        .build();
        BatchSendMessageResponse stored = messages.sendBatch(request);
        for (BatchSendMessageResponse.Item item : stored.getItems()) {
            if (item.getMessageId() == null) {
                say("BATCH", "recipient %d is rejected: %s", item.getIndex(), item.getErrors());
            }
        }
        // It is done as soon as all of it is sent; the echoes make DELIVERED of SENT a moment later.
        Map<MessageStatus, Integer> all = Map.of(DELIVERED, 2);
        BatchStatus batch =
                poll(
                        () -> messages.batch(stored.getBatchId()),
                        status -> status.getByStatus().equals(all));
        Assert.state(batch.isDone() && batch.getByStatus().equals(all), batch::toString);
        say("BATCH", "%d of 3 accepted: %s", stored.getAccepted(), batch.getByStatus());
    }

    /** A request with a mistake: HTTP 422 says which fields, and nothing is stored. */
    private void showRefusal() {
        try {
            messages.send(text(CUSTOMER, "incomplete", null));
            throw new IllegalStateException("a text without content was accepted");
        } catch (MessageServiceException refused) {
            Assert.state(refused.getStoredMessage().isEmpty(), "it was stored");
            say("REFUSE", "%s %s", refused.getError(), refused.getProblems());
        }
    }

    /** The provider refuses: HTTP 422 too, but the message is stored, and may be sent again. */
    private void retryFailed() {
        try {
            messages.send(text(REFUSING_CUSTOMER, "retry", "请通过好友验证"));
            say("RETRY", "left out: the provider refuses nothing");
        } catch (MessageServiceException refused) {
            MessageStatusResponse failed = refused.getStoredMessage().orElseThrow(() -> refused);
            String reason = failed.getErrorMessage();
            say("RETRY", "%s, %d: %s", failed.getStatus(), failed.getErrorCode(), reason);
            // In real life: once somebody has mended what the provider complains about.
            messages.retry(failed.getMessageId());
            awaitDelivery("RETRY", failed.getMessageId());
        }
    }

    private void recall(String messageId) {
        messages.recall(GUID, messageId);
        MessageStatusResponse recalled = messages.awaitFinal(messageId, LIMIT);
        Assert.state(recalled.getStatus() == MessageStatus.RECALLED, recalled::toString);
        say("RECALL", "%s confirmed=%s", messageId, recalled.getRecallConfirmed());
    }

    private void publish() throws InterruptedException {
        MessageQueueProducer producer = queue.getIfAvailable();
        if (producer == null) {
            say("QUEUE", "left out: there is no rocketmq.name-server");
            return;
        }
        SendMessageRequest request = text(CUSTOMER, "queued", "您的订单已发货");
        producer.publish(request);
        String key = request.getClientMessageId();
        MessageStatusResponse taken =
                poll(() -> messages.findByClientMessageId(key), Optional::isPresent).orElseThrow();
        awaitDelivery("QUEUE", taken.getMessageId());
    }

    private SendMessageRequest text(String conversationId, String occasion, String content) {
        return message(conversationId, occasion)
                .messageType(MessageTemplateType.TEXT)
                .content(content)
                .build();
    }

    /** What all messages have; the order and the occasion together are the idempotency key. */
    private SendMessageRequest.SendMessageRequestBuilder message(String to, String occasion) {
        return SendMessageRequest.builder()
                .guid(GUID)
                .conversationId(to)
                .clientMessageId(order + "-" + occasion)
                .extra(Map.of("order", order));
    }

    private void awaitDelivery(String step, String messageId) {
        MessageStatusResponse status = messages.awaitFinal(messageId, LIMIT);
        Assert.state(status.getStatus() == DELIVERED, status::toString);
        say(step, "%s is DELIVERED, attempts=%d", messageId, status.getAttempts());
    }

    private static <T> T poll(Supplier<T> question, Predicate<T> enough)
            throws InterruptedException {
        Instant end = Instant.now().plus(LIMIT);
        T answer = question.get();
        while (!enough.test(answer) && Instant.now().isBefore(end)) {
            Thread.sleep(200);
            answer = question.get();
        }
        return answer;
    }

    private static void say(String step, String text, Object... values) {
        log.info("{} {}", String.format("%-6s", step), String.format(text, values));
    }
}
