# client.cmake: the client of Dify's API (dify_client), over libcurl.

find_package(PkgConfig REQUIRED)
pkg_check_modules(DIFY_CURL REQUIRED IMPORTED_TARGET "libcurl>=7.88")

add_library(dify_client OBJECT
    src/client/app.c
    src/client/call.c
    src/client/client.c
    src/client/dial.c
    src/client/easy.c
    src/client/env.c
    src/client/fetch.c
    src/client/relay.c
    src/client/follow.c
    src/client/follow_api.c
    src/client/follow_ask.c
    src/client/follow_begin.c
    src/client/follow_stream.c
    src/client/inputs.c
    src/client/media.c
    src/client/operations.c
    src/client/reply.c
    src/client/source.c
    src/client/transfer.c
    src/client/waiting.c
    src/client/wire.c
    src/client/words.c)
target_link_libraries(dify_client PUBLIC dify_flags dify_yyjson PkgConfig::DIFY_CURL m)
