package com.example.wework.client;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

import java.time.Duration;

/**
 * Where the message service is, and how to talk to it: {@code wework.message.*} of application.yml.
 *
 * @param url with the context path, without a slash at its end
 * @param apiKey a key of the service; empty while it runs with {@code security.mode: open}
 * @param connectTimeout longest time until there is a connection
 * @param readTimeout longest wait for an answer. A synchronous send is answered after 10 s at the
 *     latest (30 s with {@code Prefer: wait=30}), so a shorter time would end calls that go well
 * @param attempts how often a request is sent at most, see {@link RepeatingInterceptor}
 * @param topic what the service reads: its {@code rocketmq.topics.intake}
 * @param webhookSecret what creating the webhook has answered; empty: there is none
 */
@ConfigurationProperties("wework.message")
public record MessageServiceProperties(
        String url,
        @DefaultValue("") String apiKey,
        @DefaultValue("2s") Duration connectTimeout,
        @DefaultValue("40s") Duration readTimeout,
        @DefaultValue("4") int attempts,
        @DefaultValue("async-message-send") String topic,
        @DefaultValue("") String webhookSecret) {

    /** Without the secrets: what is logged anywhere stays there. */
    @Override
    public String toString() {
        return "MessageServiceProperties[url=" + url + ", topic=" + topic + "]";
    }
}
