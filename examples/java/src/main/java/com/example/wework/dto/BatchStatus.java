package com.example.wework.dto;

import lombok.Data;

import java.util.Map;

/** How far a batch is. */
@Data
public class BatchStatus {

    private String batchId;
    private int total;

    /** How many messages there are of each status. */
    private Map<MessageStatus, Integer> byStatus;

    /** Whether none of them is open any more. */
    private boolean done;
}
