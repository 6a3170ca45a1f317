/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_records.c: the records of a run's log.
 *
 * What must hold: the records taken off are those that a plain reading by position finds, up to the
 * first that is not whole; put one behind the other they are the same bytes again; bytes that are
 * cut give the records before the cut; what is put is what is taken.
 */
#include "fuzz.h"

#include "store/log.h"

/* The length of the whole record at `at`; 0: there is none. */
static size_t plain_length(const uint8_t *bytes, size_t len, size_t at)
{
    uint64_t text = 0;
    if (len - at < 5 || strchr("EFSRVP", bytes[at]) == NULL || bytes[at] == 0)
        return 0;
    for (size_t i = 4; i > 0; i--)
        text = text * 256 + bytes[at + i];
    return text <= STORE_RECORD_BYTES && text <= len - at - 5 ? 5 + (size_t)text : 0;
}

/* Takes all records; returns how many bytes they were. */
static size_t take(const uint8_t *bytes, size_t len, struct dify__buffer *again)
{
    char *piece = fuzz_piece(bytes, len);
    struct dify_slice rest = {piece, len};
    struct store_record record;
    size_t at = 0, whole;
    while (store_record_next(&rest, &record)) {
        whole = plain_length(bytes, len, at);
        FUZZ_REQUIRE(whole != 0 && record.text.len == whole - 5, "a plain reading finds it, too");
        FUZZ_REQUIRE(record.text.ptr == piece + at + 5, "its text is where it stands");
        FUZZ_REQUIRE((uint8_t)record.kind == bytes[at], "its kind");
        FUZZ_REQUIRE(store_record_put(again, record.kind, record.text) == DIFY_OK, "it is put");
        at += whole;
    }
    FUZZ_REQUIRE(plain_length(bytes, len, at) == 0, "the plain reading ends here, too");
    FUZZ_REQUIRE(rest.len == len - at, "what is no record is left");
    FUZZ_REQUIRE(again->len == at && (at == 0 || memcmp(again->ptr, bytes, at) == 0),
                 "the same bytes again");
    free(piece);
    return at;
}

/* Texts cut from the input, put as records. */
static void build(const uint8_t *bytes, size_t len, struct fuzz_draw *draw, struct fuzz_text *file)
{
    static const char kinds[] = "EFSRVP";
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 4};
    for (size_t at = 0; at < len;) {
        size_t piece = fuzz_cut_next(FUZZ_SMALL, draw, len - at);
        enum store_record_kind kind = (enum store_record_kind)kinds[fuzz_draw_below(draw, 6)];
        FUZZ_REQUIRE(
            store_record_put(&out, kind, (struct dify_slice){(const char *)bytes + at, piece}) ==
                DIFY_OK,
            "it is put");
        at += piece;
    }
    fuzz_text_add(file, out.ptr, out.len);
    dify__buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz_draw draw = fuzz_draw_init(bytes, len);
    struct dify__buffer again = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 4};
    struct fuzz_text file = {NULL, 0, 0};
    (void)take(bytes, len, &again);
    build(bytes, len, &draw, &file);
    dify__buffer_clear(&again, 0);
    FUZZ_REQUIRE(take((const uint8_t *)file.ptr, file.len, &again) == file.len, "all of it");
    size_t cut = fuzz_draw_below(&draw, file.len + 1);
    dify__buffer_clear(&again, 0);
    FUZZ_REQUIRE(take((const uint8_t *)file.ptr, cut, &again) <= cut, "what is before the cut");
    dify__buffer_fini(&again);
    fuzz_text_fini(&file);
    return 0;
}
