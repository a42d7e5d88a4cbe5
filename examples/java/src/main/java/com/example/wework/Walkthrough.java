package com.example.wework;

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
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.ApplicationArguments;
import org.springframework.boot.ApplicationRunner;
import org.springframework.core.io.ClassPathResource;
import org.springframework.stereotype.Component;
import org.springframework.util.Assert;
import org.springframework.util.StringUtils;

/** Everything that a client does with the service, once. Ends with an exception where something is not as it should be. */
@Component
class Walkthrough implements ApplicationRunner {

    private static final Logger log = LoggerFactory.getLogger(Walkthrough.class);
    private static final Duration LIMIT = Duration.ofSeconds(30);

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
        sendPicture();
        sendBatch();
        showRefusal();
        retryFailed();
        recall(textId);
        publish();
    }

    private String sendText() throws InterruptedException {
        SendMessageRequest request = text(CUSTOMER, "paid", "您好，您的订单已支付 🎉");
        SendMessageResponse first = messages.send(request);
        if (first.isOpen()) { // HTTP 202: stored, and on its way; the webhook or the status will tell
            log.info("TEXT   {} is {} ({})", first.getMessageId(), first.getStatus(), first.getReason());
        }
        delivered("TEXT", first.getMessageId());

        SendMessageResponse again = messages.send(request);
        Assert.state(again.getMessageId().equals(first.getMessageId()), "the same key is the same message");
        log.info("TEXT   {} again: duplicate={}, nothing was sent", again.getMessageId(), again.getDuplicate());

        if (StringUtils.hasText(settings.webhookSecret())) {
            boolean event = told.await(first.getMessageId(), MessageStatus.DELIVERED, LIMIT);
            Assert.state(event, "no event has come to /wework/events");
            log.info("EVENT  {} DELIVERED came with a valid signature", first.getMessageId());
        } else {
            log.info("EVENT  left out: there is no wework.message.webhook-secret");
        }
        return first.getMessageId();
    }

    private void sendPicture() {
        MediaAsset picture = messages.upload(new ClassPathResource("picture.png"));
        AcceptedMessage accepted = messages.sendAsync(SendMessageRequest.builder()
                .guid(GUID)
                .conversationId(CUSTOMER)
                .messageType(MessageTemplateType.IMAGE)
                .mediaId(picture.getMediaId())
                .clientMessageId(order + "-picture")
                .build());
        delivered("IMAGE", accepted.getMessageId());
    }

    private void sendBatch() throws InterruptedException {
        BatchSendMessageResponse stored = messages.sendBatch(BatchSendMessageRequest.builder()
                .guid(GUID)
                .mode(BatchSendMessageRequest.FANOUT)
                .userList(List.of("7881301000000002", "7881301000000003", "not a user"))
                .content("新年快乐")
                .clientMessageId(order + "-new-year")
                .build());
        stored.getItems().stream()
                .filter(item -> item.getMessageId() == null)
                .forEach(item -> log.info("BATCH  recipient {}: {}", item.getIndex(), item.getErrors()));
        BatchStatus batch = messages.batch(stored.getBatchId());
        for (Instant end = Instant.now().plus(LIMIT); !batch.isDone() && Instant.now().isBefore(end); ) {
            Thread.sleep(200);
            batch = messages.batch(stored.getBatchId());
        }
        Assert.state(stored.getAccepted() == 2 && stored.getRejected() == 1 && batch.isDone(), batch::toString);
        log.info("BATCH  {} of 3 accepted: {}", stored.getAccepted(), batch.getByStatus());
    }

    private void showRefusal() {
        SendMessageRequest incomplete = text(CUSTOMER, "incomplete", null);
        try {
            messages.send(incomplete);
            throw new IllegalStateException("a text without content was accepted");
        } catch (MessageServiceException refused) { // HTTP 422, and nothing is stored
            log.info("REFUSE {} {}", refused.getError(), refused.getProblems());
        }
    }

    private void retryFailed() {
        try {
            SendMessageResponse sent = messages.send(text(REFUSING_CUSTOMER, "retry", "请通过好友验证"));
            log.info("RETRY  left out: {} is {}", sent.getMessageId(), sent.getStatus());
        } catch (MessageServiceException refused) { // HTTP 422 again, but this one is stored: the provider refused it
            MessageStatusResponse failed = refused.getStoredMessage().orElseThrow(() -> refused);
            log.info("RETRY  {} {}: {}", failed.getStatus(), failed.getErrorCode(), failed.getErrorMessage());
            // In real life: once a person has mended what the provider complains about.
            messages.retry(failed.getMessageId());
            delivered("RETRY", failed.getMessageId());
        }
    }

    private void recall(String messageId) {
        messages.recall(GUID, messageId);
        MessageStatusResponse recalled = messages.awaitFinal(messageId, LIMIT);
        Assert.state(recalled.getStatus() == MessageStatus.RECALLED, recalled::toString);
        log.info("RECALL {} confirmed={}", messageId, recalled.getRecallConfirmed());
    }

    private void publish() throws InterruptedException {
        MessageQueueProducer producer = queue.getIfAvailable();
        if (producer == null) {
            log.info("QUEUE  left out: there is no rocketmq.name-server");
            return;
        }
        SendMessageRequest request = text(CUSTOMER, "queued", "您的订单已发货");
        producer.publish(request);
        Optional<MessageStatusResponse> taken = Optional.empty();
        for (Instant end = Instant.now().plus(LIMIT); taken.isEmpty() && Instant.now().isBefore(end); ) {
            Thread.sleep(200);
            taken = messages.findByClientMessageId(request.getClientMessageId());
        }
        delivered("QUEUE", taken.orElseThrow(() -> new IllegalStateException("the service has not read the topic"))
                .getMessageId());
    }

    private SendMessageRequest text(String conversationId, String occasion, String content) {
        return SendMessageRequest.builder()
                .guid(GUID)
                .conversationId(conversationId)
                .messageType(MessageTemplateType.TEXT)
                .content(content)
                .clientMessageId(order + "-" + occasion)
                .extra(Map.of("order", order))
                .build();
    }

    private void delivered(String step, String messageId) {
        MessageStatusResponse status = messages.awaitFinal(messageId, LIMIT);
        Assert.state(status.getStatus() == MessageStatus.DELIVERED, status::toString);
        log.info("{} {} is {} after {} attempt(s)", String.format("%-6s", step), messageId, status.getStatus(), status.getAttempts());
    }
}
