package com.example.wework.dto;

import lombok.Data;

/** One field of a request that is wrong. */
@Data
public class FieldProblem {

    /** As the JSON of the request has it: {@code messages[3].content}. */
    private String path;

    private String code;
    private String message;

    @Override
    public String toString() {
        return path + " " + message;
    }
}
