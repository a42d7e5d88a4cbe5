package com.example.wework.queue;

import com.example.wework.client.MessageServiceProperties;
import com.example.wework.dto.SendMessageRequest;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.spring.core.RocketMQTemplate;
import org.apache.rocketmq.spring.support.RocketMQHeaders;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.messaging.Message;
import org.springframework.messaging.support.MessageBuilder;
import org.springframework.stereotype.Component;
import org.springframework.util.Assert;

/**
 * Puts messages on the topic that the service reads: for callers that must not wait, and are content to hear of a refusal from
 * the service's dead letters. There are no answers; {@code findByClientMessageId} of the client knows what became of a message.
 */
@Component
@ConditionalOnProperty("rocketmq.name-server")
public class MessageQueueProducer {

    private final RocketMQTemplate rocketMq;
    private final ObjectMapper json;
    private final String topic;

    MessageQueueProducer(RocketMQTemplate rocketMq, ObjectMapper json, MessageServiceProperties settings) {
        this.rocketMq = rocketMq;
        this.json = json;
        this.topic = settings.topic();
    }

    /**
     * Returns once the broker has the message. After an exception it may have it: publish again with the same {@code
     * clientMessageId}, and the service sends it once.
     */
    public void publish(SendMessageRequest request) {
        Assert.hasText(
                request.getClientMessageId(),
                "A queued message needs a clientMessageId: RocketMQ may deliver it, and publish it, more than once");
        Message<String> message = MessageBuilder.withPayload(write(request))
                .setHeader(RocketMQHeaders.KEYS, request.getClientMessageId()) // to find it with the broker's tools
                .build();
        SendResult result = rocketMq.syncSend(topic, message);
        Assert.state(result.getSendStatus() == SendStatus.SEND_OK, () -> "the broker answered " + result.getSendStatus());
    }

    /** JSON by the mapper of Spring Boot: the template's own would write an Instant as a number. */
    private String write(SendMessageRequest request) {
        try {
            return json.writeValueAsString(request);
        } catch (JsonProcessingException impossible) {
            throw new IllegalArgumentException(impossible);
        }
    }
}
