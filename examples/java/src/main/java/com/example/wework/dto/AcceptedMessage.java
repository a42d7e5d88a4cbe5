package com.example.wework.dto;

import lombok.Data;

import java.time.Instant;

/**
 * A message that is stored, and sent in the background. The Java service answered a task id here
 * that nothing could look up.
 */
@Data
public class AcceptedMessage {

    private String messageId;
    private MessageStatus status;
    private Boolean duplicate;
    private Instant scheduledAt;
    private String statusUrl;
}
