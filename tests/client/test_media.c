/* SPDX-License-Identifier: Apache-2.0
 *
 * test_media.c: what a file is, by its first bytes and its name. Of its type content comes first;
 * of its kind the name, as it does for Dify.
 */
#include "../unit/support.h"

#include "client/media.h"

struct file_case {
    const char *name; /* of the file */
    const char *head;
    size_t len;
    const char *kind, *type;
};

#define HEAD(text) text, sizeof(text) - 1

static void run_case(void **state)
{
    const struct file_case *file = *state;
    const char *name = strcmp(file->name, "none") == 0 ? NULL : file->name;
    struct dify_slice head = {file->head, file->len};
    assert_string_equal(dify_file_kind(name, head), file->kind);
    assert_string_equal(dify__media_type(name, head), file->type);
    /* too little of a signature is none */
    if (file->len > 0 && strrchr(file->name, '.') == NULL) {
        head.len = 2;
        assert_string_equal(dify_file_kind(name, head), "custom");
        assert_string_equal(dify__media_type(name, head), "application/octet-stream");
    }
}

static const struct file_case cases[] = {
    {"png", HEAD("\x89PNG\r\n\x1a\n...."), "image", "image/png"},
    {"jpeg", HEAD("\xff\xd8\xff\xe0...."), "image", "image/jpeg"},
    {"gif", HEAD("GIF89a...."), "image", "image/gif"},
    {"webp", HEAD("RIFF....WEBPVP8 "), "image", "image/webp"},
    {"wav", HEAD("RIFF....WAVEfmt "), "audio", "audio/wav"},
    {"pdf", HEAD("%PDF-1.7"), "document", "application/pdf"},
    {"mp3", HEAD("ID3\x04"), "audio", "audio/mpeg"},
    {"mp4", HEAD("....ftypisom...."), "video", "video/mp4"},
    {"m4a", HEAD("....ftypM4A ...."), "audio", "audio/mp4"},
    {"webm", HEAD("\x1a\x45\xdf\xa3...."), "video", "video/webm"},
    {"none", HEAD(""), "custom", "application/octet-stream"},
    {"", HEAD(""), "custom", "application/octet-stream"},
    {"photo.JPG", HEAD(""), "image", "image/jpeg"},
    {"notes.txt", HEAD("hello"), "document", "text/plain"},
    {"a.b/c.md", HEAD(""), "document", "text/markdown"},
    {"table.xlsx", HEAD("PK\x03\x04"), "document",
     "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"lies.txt", HEAD("\x89PNG\r\n\x1a\n"), "document", "image/png"},
    {"picture.xyz", HEAD("\x89PNG\r\n\x1a\n"), "image", "image/png"},
    {".png", HEAD("%PDF-1.7"), "document", "application/pdf"},
    {"..png", HEAD("?"), "custom", "application/octet-stream"},
    {"scan.bmp", HEAD("BM"), "image", "image/bmp"},
    {"scan.TIFF", HEAD("II*"), "image", "image/tiff"},
    {"voice.m4a", HEAD("....ftypisom...."), "audio", "audio/mp4"},
    {"voice.mp4", HEAD("....ftypM4A ...."), "video", "audio/mp4"},
    {"data.json", HEAD("{}"), "custom", "application/json"},
    {"archive.zip", HEAD("PK\x03\x04"), "custom", "application/zip"},
    {"odd.xyz", HEAD("?"), "custom", "application/octet-stream"},
    {"feed.xml", HEAD("<?xml"), "document", "text/xml"},
    {"dot.", HEAD(""), "custom", "application/octet-stream"},
};

static void test_by_type(void **state)
{
    (void)state;
    assert_string_equal(dify__file_kind("a.log", "text/plain; charset=utf-8"), "document");
    assert_string_equal(dify__file_kind("a.log", "application/x-log; text"), "custom");
    assert_string_equal(dify__file_kind("a.ogg", "Audio/Ogg"), "audio");
    assert_string_equal(dify__file_kind("a", "video/x-msvideo"), "video");
    assert_string_equal(dify__file_kind("a.png", "text/html"), "image");
    assert_null(dify__kind_of_extension("a.zip"));
    assert_string_equal(dify__kind_of_extension("a.Pdf"), "document");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_type)};
    int failed = cmocka_run_group_tests_name("media: by type", tests, NULL, NULL);
    return failed + run_cases("media", cases, COUNT_OF(cases), sizeof cases[0], run_case);
}
