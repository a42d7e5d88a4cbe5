package com.example.wework.dto;

import com.fasterxml.jackson.annotation.JsonInclude;

import lombok.AllArgsConstructor;
import lombok.Builder;
import lombok.Data;
import lombok.NoArgsConstructor;

import java.util.List;
import java.util.Map;

/**
 * One content for many recipients, as the Java service's class has it; {@code mode} and what is
 * behind it is new.
 */
@Data
@Builder
@NoArgsConstructor
@AllArgsConstructor
@JsonInclude(JsonInclude.Include.NON_NULL)
public class BatchSendMessageRequest {

    /**
     * A message of its own for each recipient. Without a mode it is a mass send: one a day for each
     * customer.
     */
    public static final String FANOUT = "FANOUT";

    private String guid;

    /** At most 200 together with the rooms. */
    private List<String> userList;

    private List<String> roomList;

    private String content;
    private List<Image> imageMsgList;
    private List<Link> linkMsgList;
    private List<File> fileMsgList;

    private String providerCode;
    private Map<String, Object> extra;

    // ---- What the Java service did not have ----

    private String mode;

    /** Names the batch for the caller, as that of a message does. */
    private String clientMessageId;

    private String campaignId;

    @Data
    @Builder
    @NoArgsConstructor
    @AllArgsConstructor
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public static class Image {
        private String imageUrl;

        /** An uploaded file, in place of imageUrl. */
        private String mediaId;
    }

    @Data
    @Builder
    @NoArgsConstructor
    @AllArgsConstructor
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public static class Link {
        private String title;
        private String description;
        private String url;
        private String imageUrl;
    }

    @Data
    @Builder
    @NoArgsConstructor
    @AllArgsConstructor
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public static class File {
        private String fileId;
        private Long size;
        private String fileName;
        private String aesKey;
        private String md5;

        /** An uploaded file, in place of all the others but fileName. */
        private String mediaId;
    }
}
