package com.example.wework.webhook;

import com.fasterxml.jackson.databind.JsonNode;

import java.time.Instant;

/**
 * What the service tells.
 *
 * @param type such as {@code message.status}; there are others, and there may be more
 * @param data depends on the type
 */
record WebhookEvent(String type, Instant timestamp, JsonNode data) {}
