package com.example.wework.dto;

import com.fasterxml.jackson.annotation.JsonIgnore;

import lombok.Data;

import java.time.Instant;
import java.util.Map;

/** What became of a message so far. The fields of the Java service's class come first. */
@Data
public class SendMessageResponse {

    /**
     * True: sent. False: it failed for good. Null: still open, so never {@code if
     * (response.getSuccess())}.
     */
    private Boolean success;

    /** The provider's. */
    private Integer errorCode;

    private String errorMessage;

    /**
     * The service's id, good for status, retry and recall. The Java service had the provider's
     * here.
     */
    private String messageId;

    private String messageSeq;
    private Instant sendTime;
    private String senderId;
    private String receiverId;
    private String roomId;

    /** The provider's numbers. */
    private Integer messageType;

    private Integer contentType;
    private String content;
    private String senderName;
    private String devInfo;
    private String appInfo;
    private String extraContent;
    private Boolean isSvrFail;
    private String providerCode;
    private String requestId;

    /** Milliseconds. */
    private Long duration;

    private Map<String, Object> extra;

    // ---- What the Java service did not have ----

    private MessageStatus status;
    private String reason;
    private String providerMessageId;

    /** False: that it failed is not proven. Who sends it again may send it twice. */
    private Boolean confirmed;

    private Boolean possibleDuplicate;

    /** True: the provider was a simulator. */
    private Boolean simulated;

    private Integer attempts;

    /** True: an earlier request with this key made the message. */
    private Boolean duplicate;

    /**
     * Whether the message is stored and still under way: wait for the webhook, or ask for its
     * status.
     */
    @JsonIgnore
    public boolean isOpen() {
        return status.isOpen();
    }
}
