package com.example.wework.client;

import com.example.wework.dto.ApiResponse;
import com.example.wework.dto.MessageStatusResponse;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.springframework.http.HttpStatusCode;
import org.springframework.http.client.ClientHttpResponse;
import org.springframework.web.client.DefaultResponseErrorHandler;

import java.io.IOException;

/** Makes a {@link MessageServiceException} of every answer that is 4xx or 5xx. */
class MessageServiceErrorHandler extends DefaultResponseErrorHandler {

    private static final TypeReference<ApiResponse<MessageStatusResponse>> ENVELOPE =
            new TypeReference<>() {};

    private final ObjectMapper json;

    MessageServiceErrorHandler(ObjectMapper json) {
        this.json = json;
    }

    @Override
    protected void handleError(ClientHttpResponse response, HttpStatusCode status) {
        throw new MessageServiceException(status.value(), envelope(getResponseBody(response)));
    }

    private ApiResponse<MessageStatusResponse> envelope(byte[] body) {
        try {
            return json.readValue(body, ENVELOPE);
        } catch (IOException notOurs) { // the page of a proxy
            return new ApiResponse<>();
        }
    }
}
