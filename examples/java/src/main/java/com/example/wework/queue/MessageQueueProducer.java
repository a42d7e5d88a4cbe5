package com.example.wework.queue;

import com.example.wework.client.MessageServiceProperties;
import com.example.wework.dto.SendMessageRequest;

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
 * Puts messages on the topic that the service reads: for callers that cannot wait for the service.
 * There is no answer. What became of a message says {@code findByClientMessageId} of the client;
 * what the service refuses is among its dead letters.
 */
@Component
@ConditionalOnProperty("rocketmq.name-server")
public class MessageQueueProducer {

    private final RocketMQTemplate rocketMq;
    private final String topic;

    MessageQueueProducer(RocketMQTemplate rocketMq, MessageServiceProperties settings) {
        this.rocketMq = rocketMq;
        this.topic = settings.topic();
    }

    /**
     * Returns once the broker has the message. After an exception it may have it: publish again
     * with the same {@code clientMessageId}, and the service sends it once.
     */
    public void publish(SendMessageRequest request) {
        Assert.hasText(
                request.getClientMessageId(),
                "A queued message needs a clientMessageId: without it a second publication would be"
                        + " a second message");
        Message<SendMessageRequest> message =
                MessageBuilder.withPayload(request)
                        .setHeader(
                                RocketMQHeaders.KEYS,
                                request.getClientMessageId()) // to find it with the broker's tools
                        .build();
        SendResult result = rocketMq.syncSend(topic, message);
        SendStatus status = result.getSendStatus();
        Assert.state(status == SendStatus.SEND_OK, () -> "the broker answered " + status);
    }
}
