# gateway.cmake: the gateway (dify_gateway), with libcrypto for digests.

pkg_check_modules(DIFY_CRYPTO REQUIRED IMPORTED_TARGET "libcrypto>=3.0")

add_library(dify_gateway OBJECT
    src/gateway/config.c
    src/gateway/config_app.c
    src/gateway/config_listen.c
    src/gateway/config_route.c
    src/gateway/config_write.c
    src/gateway/order.c
    src/gateway/order_digest.c
    src/gateway/order_form.c
    src/gateway/order_json.c
    src/gateway/sha256.c
    src/gateway/spool.c)
target_link_libraries(dify_gateway PUBLIC dify_flags dify_yyjson PkgConfig::DIFY_UV
    PkgConfig::DIFY_YAML PkgConfig::DIFY_CRYPTO)
