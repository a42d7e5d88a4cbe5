package com.example.wework.dto;

import com.fasterxml.jackson.annotation.JsonInclude;

import lombok.AllArgsConstructor;
import lombok.Builder;
import lombok.Data;
import lombok.NoArgsConstructor;

import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * One message. The fields of the Java service's class come first, under the same names; what this
 * service adds stands behind them. Which of them a type needs is a table of docs/api.md. The
 * service reads a null as an absent field.
 */
@Data
@Builder
@NoArgsConstructor
@AllArgsConstructor
@JsonInclude(JsonInclude.Include.NON_NULL)
public class SendMessageRequest {

    private String guid;
    private String conversationId;
    private MessageTemplateType messageType;

    private String content;

    private String fileId;
    private Long fileSize;
    private String fileName;
    private String aesKey;
    private String md5;

    private Integer imageWidth;
    private Integer imageHeight;

    /**
     * An object and not a boolean: of {@code boolean isHd} Lombok and Jackson make the name {@code
     * hd}.
     */
    private Boolean isHd;

    /** Seconds. */
    private Integer videoDuration;

    private String linkTitle;
    private String linkDescription;
    private String linkUrl;
    private String linkImageUrl;

    private String miniProgramUsername;
    private String miniProgramAppId;
    private String miniProgramAppName;
    private String miniProgramAppIcon;
    private String miniProgramTitle;
    private String miniProgramPagePath;

    private List<String> atList;

    private String quoteMessageId;
    private String quoteContent;

    private Double longitude;
    private Double latitude;
    private String locationTitle;
    private String locationAddress;

    /** Data of the caller: kept, and returned in answers and events. */
    private Map<String, Object> extra;

    private String providerCode;
    private Boolean async;

    /** 0 (low) to 9 (urgent), 5 where it is absent. */
    private Integer priority;

    private Integer retryCount;

    // ---- What the Java service did not have ----

    /**
     * Names the message for the caller: with the same one it is sent once, however often it is
     * requested.
     */
    private String clientMessageId;

    /** An uploaded file, in place of fileId, fileSize, aesKey and md5. */
    private String mediaId;

    /** An https URL that the service fetches, likewise. */
    private String url;

    private Integer videoWidth;
    private Integer videoHeight;

    /** Seconds. */
    private Integer voiceTime;

    private String gifUrl;
    private String contactUserId;
    private Double locationZoom;

    private Instant scheduledAt;
    private Instant expiresAt;
    private String campaignId;
}
