package com.example.wework.dto;

import lombok.Data;

import java.time.Instant;
import java.util.List;

/** What is around every answer. */
@Data
public class ApiResponse<T> {

    /** 200 for every answer that is 2xx, else the HTTP status. */
    private int code;

    private String message;
    private T data;

    /**
     * The service writes UTC with a {@code Z}. A LocalDateTime would drop the zone without an
     * error.
     */
    private Instant timestamp;

    private String requestId;

    /** Whether the request succeeded. What became of the message says {@code data}. */
    private boolean success;

    /** Of a refusal: its stable code. */
    private String error;

    /** Of a refusal: which fields are wrong. */
    private List<FieldProblem> errors;
}
