package com.example.wework.dto;

import com.fasterxml.jackson.annotation.JsonCreator;

/** Where a message is. */
public enum MessageStatus {
    ACCEPTED(true),
    SCHEDULED(true),
    HELD(true),
    QUEUED(true),
    SENDING(true),
    RETRY_WAIT(true),

    /** Perhaps sent. The service finds out; who sends it anew may send it twice. */
    UNKNOWN(true),

    SENT(false),
    DELIVERED(false),
    RECALLING(false),
    RECALLED(false),
    FAILED(false),
    EXPIRED(false),
    CANCELLED(false),

    /**
     * One that a later version of the service has. It counts as open, since nobody may send again
     * for it.
     */
    OTHER(true);

    private final boolean open;

    MessageStatus(boolean open) {
        this.open = open;
    }

    /** Whether it is not decided yet if the message is sent. */
    public boolean isOpen() {
        return open;
    }

    @JsonCreator
    static MessageStatus of(String name) {
        for (MessageStatus status : values()) {
            if (status.name().equals(name)) {
                return status;
            }
        }
        return OTHER;
    }
}
