package com.example.wework.dto;

import com.fasterxml.jackson.annotation.JsonProperty;

import lombok.Data;

import java.time.Instant;

/** The status of a message, also where a list or a refusal shows it. */
@Data
public class MessageStatusResponse {

    private String messageId;
    private String clientMessageId;
    private MessageStatus status;

    /** The Java service's five values: pending, sending, sent, delivered, failed. */
    private String state;

    /** Null while the message is open. */
    private Boolean success;

    /** Nothing will change any more, unless late evidence proves otherwise. */
    @JsonProperty("final")
    private boolean finalStatus;

    private Integer errorCode;
    private String errorMessage;
    private String reason;
    private Boolean confirmed;
    private Boolean possibleDuplicate;
    private Boolean recallConfirmed;
    private Boolean simulated;
    private Integer attempts;
    private String providerCode;
    private String providerMessageId;
    private Instant updateTime;
    private Instant nextAttemptAt;
}
