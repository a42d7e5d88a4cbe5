package com.example.wework.webhook;

import com.example.wework.dto.MessageStatus;

import org.springframework.stereotype.Component;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The newest status of each message that events have told. In memory, for this sample: let yours be
 * a column of your own table, {@code UPDATE ... SET status = ?, sequence = ? WHERE message_id = ?
 * AND sequence < ?}.
 */
@Component
public class MessageStatuses {

    private static final int CAPACITY = 10_000;

    private final Map<String, MessageStatusChange> newest =
            new LinkedHashMap<>() {
                @Override
                protected boolean removeEldestEntry(Map.Entry<String, MessageStatusChange> eldest) {
                    return size() > CAPACITY;
                }
            };

    /** Events come at least once, and after an outage perhaps late. */
    synchronized void record(MessageStatusChange change) {
        newest.merge(
                change.messageId(),
                change,
                (known, told) -> told.sequence() > known.sequence() ? told : known);
        notifyAll();
    }

    /** Waits until an event has told this status; false if none has within {@code limit}. */
    public synchronized boolean await(String messageId, MessageStatus status, Duration limit)
            throws InterruptedException {
        Instant end = Instant.now().plus(limit);
        while (!has(messageId, status)) {
            long left = Duration.between(Instant.now(), end).toMillis();
            if (left <= 0) {
                return false;
            }
            wait(left);
        }
        return true;
    }

    private boolean has(String messageId, MessageStatus status) {
        MessageStatusChange change = newest.get(messageId);
        return change != null && change.status() == status;
    }
}
