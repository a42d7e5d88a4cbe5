package com.example.wework.client;

import com.example.wework.dto.ApiResponse;
import com.example.wework.dto.FieldProblem;
import com.example.wework.dto.MessageStatusResponse;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The service refused a request, or could not do it. Programs decide by {@link #getError()}; texts
 * may change.
 */
public class MessageServiceException extends RuntimeException {

    private final int httpStatus;
    private final transient ApiResponse<MessageStatusResponse> answer;

    MessageServiceException(int httpStatus, ApiResponse<MessageStatusResponse> answer) {
        super(textOf(httpStatus, answer));
        this.httpStatus = httpStatus;
        this.answer = answer;
    }

    public int getHttpStatus() {
        return httpStatus;
    }

    /**
     * The stable code, such as VALIDATION_FAILED; null where a proxy answered and not the service.
     */
    public String getError() {
        return answer.getError();
    }

    /** What is wrong in the request, field by field; empty where the request is not to blame. */
    public List<FieldProblem> getProblems() {
        return answer.getErrors() == null ? List.of() : answer.getErrors();
    }

    /**
     * The message, where it was stored before it was refused. Without it this request has stored
     * nothing.
     */
    public Optional<MessageStatusResponse> getStoredMessage() {
        return Optional.ofNullable(answer.getData())
                .filter(message -> message.getMessageId() != null);
    }

    /** Under this name the request is in the log of the service. */
    public String getRequestId() {
        return answer.getRequestId();
    }

    private static String textOf(int httpStatus, ApiResponse<?> answer) {
        if (answer.getError() == null) {
            return "HTTP " + httpStatus + ", not by the message service";
        }
        String problems =
                answer.getErrors() == null
                        ? ""
                        : answer.getErrors().stream()
                                .map(FieldProblem::toString)
                                .collect(Collectors.joining("; ", " [", "]"));
        return answer.getError()
                + ": "
                + answer.getMessage()
                + problems
                + " (request "
                + answer.getRequestId()
                + ")";
    }
}
