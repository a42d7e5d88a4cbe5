package com.example.wework.dto;

import lombok.Data;

import java.util.List;

/**
 * A page of messages, the newest first. The list ends where {@code nextCursor} is null, also where
 * a page is short.
 */
@Data
public class MessagePage {

    private List<MessageStatusResponse> items;
    private String nextCursor;
}
