package com.example.wework.client;

import com.fasterxml.jackson.databind.ObjectMapper;

import org.springframework.boot.web.client.RestTemplateBuilder;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.util.StringUtils;
import org.springframework.web.client.RestTemplate;
import org.springframework.web.util.DefaultUriBuilderFactory;

import java.net.http.HttpClient;

/**
 * The RestTemplate that {@link MessageServiceClient} uses: address, key, timeouts, errors,
 * repetitions.
 */
@Configuration
class MessageServiceConfiguration {

    @Bean
    RestTemplate messageServiceRestTemplate(
            RestTemplateBuilder builder, MessageServiceProperties settings, ObjectMapper json) {
        HttpClient connections =
                HttpClient.newBuilder()
                        .version(HttpClient.Version.HTTP_1_1)
                        .connectTimeout(settings.connectTimeout())
                        .build();
        JdkClientHttpRequestFactory requests = new JdkClientHttpRequestFactory(connections);
        requests.setReadTimeout(settings.readTimeout());
        RestTemplateBuilder configured =
                builder
                        // Encodes ids strictly: one with a slash or a semicolon stays one segment
                        // of the path.
                        .uriTemplateHandler(new DefaultUriBuilderFactory(settings.url()))
                        .requestFactory(() -> requests)
                        .errorHandler(new MessageServiceErrorHandler(json))
                        .additionalInterceptors(new RepeatingInterceptor(settings.attempts()));
        if (StringUtils.hasText(settings.apiKey())) {
            configured = configured.defaultHeader("X-API-Key", settings.apiKey());
        }
        return configured.build();
    }
}
