package com.example.wework.client;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpRequest;
import org.springframework.http.client.ClientHttpRequestExecution;
import org.springframework.http.client.ClientHttpRequestInterceptor;
import org.springframework.http.client.ClientHttpResponse;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.Set;

/**
 * Repeats a request that got no answer, or one that says "later", where a repetition can do no
 * harm: it reads, or it has an idempotency key, with which the service recognises it. Everything
 * else is sent once.
 */
class RepeatingInterceptor implements ClientHttpRequestInterceptor {

    static final String IDEMPOTENCY_KEY = "Idempotency-Key";

    private static final Logger log = LoggerFactory.getLogger(RepeatingInterceptor.class);
    private static final Set<Integer> LATER = Set.of(429, 502, 503, 504);
    private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(10);

    private final int attempts;

    RepeatingInterceptor(int attempts) {
        this.attempts = attempts;
    }

    @Override
    public ClientHttpResponse intercept(
            HttpRequest request, byte[] body, ClientHttpRequestExecution execution)
            throws IOException {
        int remaining = isSafeToRepeat(request) ? attempts - 1 : 0;
        Duration pause = FIRST_PAUSE;
        while (true) {
            try {
                ClientHttpResponse response = execution.execute(request, body);
                int status = response.getStatusCode().value();
                if (remaining == 0 || !LATER.contains(status)) {
                    return response;
                }
                log.info("HTTP {} of {}: again in a moment", status, request.getURI().getPath());
                pause = askedPause(response.getHeaders(), pause);
                response.close();
            } catch (IOException lost) {
                if (remaining == 0 || Thread.currentThread().isInterrupted()) {
                    throw lost;
                }
                log.info(
                        "No answer of {} ({}): again in a moment",
                        request.getURI().getPath(),
                        lost.toString());
            }
            sleep(pause);
            pause = shorter(pause.multipliedBy(2), LONGEST_PAUSE);
            remaining--;
        }
    }

    private static boolean isSafeToRepeat(HttpRequest request) {
        return request.getMethod() == HttpMethod.GET
                || request.getHeaders().containsKey(IDEMPOTENCY_KEY);
    }

    private static Duration askedPause(HttpHeaders headers, Duration otherwise) {
        String seconds = headers.getFirst(HttpHeaders.RETRY_AFTER);
        if (seconds == null || !seconds.matches("[0-9]{1,4}")) {
            return otherwise;
        }
        return shorter(Duration.ofSeconds(Long.parseLong(seconds)), LONGEST_PAUSE);
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    private static void sleep(Duration pause) throws IOException {
        try {
            Thread.sleep(pause.toMillis());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted before a repetition");
        }
    }
}
