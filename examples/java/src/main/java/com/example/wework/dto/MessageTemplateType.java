package com.example.wework.dto;

/** The types of messages: the Java service's, and those behind MIXED that are new. */
public enum MessageTemplateType {
    TEXT,
    IMAGE,
    VIDEO,
    FILE,
    VOICE,
    LINK,
    MINIPROGRAM,
    CONTACT,
    LOCATION,
    GIF,
    MENTION,
    QUOTE,
    MIXED,
    BIG_VIDEO,
    MERGED,
    CHANNEL_FEED,
    CHANNEL_LIVE,
    SHOP_PRODUCT
}
