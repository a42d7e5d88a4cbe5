package com.example.wework.dto;

import lombok.Data;

/** A file that the service keeps, and uploads to each provider that needs it. */
@Data
public class MediaAsset {

    private String mediaId;

    /** READY, PENDING while the service fetches it from a URL, or FAILED. */
    private String state;

    private Long size;
    private String mimeType;
    private Integer width;
    private Integer height;
    private String fileName;
}
