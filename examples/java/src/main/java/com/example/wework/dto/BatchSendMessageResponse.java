package com.example.wework.dto;

import lombok.Data;

import java.util.List;

/** What was stored of a batch. The Java service passed the provider's JSON on here. */
@Data
public class BatchSendMessageResponse {

    private String batchId;
    private String mode;
    private int accepted;
    private int rejected;
    private List<Item> items;
    private Boolean duplicate;

    /** One recipient, or one message. */
    @Data
    public static class Item {
        private int index;

        /** Null where the item was rejected; {@code error} and {@code errors} say why. */
        private String messageId;

        private MessageStatus status;
        private String error;
        private List<FieldProblem> errors;
    }
}
