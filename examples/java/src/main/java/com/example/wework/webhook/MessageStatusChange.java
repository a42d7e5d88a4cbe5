package com.example.wework.webhook;

import com.example.wework.dto.MessageStatus;
import com.fasterxml.jackson.annotation.JsonProperty;

import java.util.Map;

/**
 * The data of a {@code message.status}.
 *
 * @param sequence rises from change to change of one message, with gaps: what is not above the
 *     largest so far is old, or a repetition
 */
public record MessageStatusChange(
        String messageId,
        String clientMessageId,
        MessageStatus status,
        @JsonProperty("final") boolean finalStatus,
        long sequence,
        String reason,
        Map<String, Object> extra) {}
