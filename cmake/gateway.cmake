# gateway.cmake: the gateway (dify_gateway), with libcrypto for digests.

pkg_check_modules(DIFY_CRYPTO REQUIRED IMPORTED_TARGET "libcrypto>=3.0")

add_library(dify_gateway OBJECT
    src/gateway/about.c
    src/gateway/access.c
    src/gateway/app.c
    src/gateway/apps.c
    src/gateway/body.c
    src/gateway/callers.c
    src/gateway/config.c
    src/gateway/config_access.c
    src/gateway/config_app.c
    src/gateway/config_listen.c
    src/gateway/config_path.c
    src/gateway/config_route.c
    src/gateway/config_write.c
    src/gateway/cors.c
    src/gateway/feedback.c
    src/gateway/files.c
    src/gateway/filter.c
    src/gateway/form.c
    src/gateway/gateway.c
    src/gateway/health.c
    src/gateway/hub.c
    src/gateway/intake.c
    src/gateway/later.c
    src/gateway/list.c
    src/gateway/logger.c
    src/gateway/log_queue.c
    src/gateway/lookup.c
    src/gateway/metrics.c
    src/gateway/metrics_text.c
    src/gateway/notify.c
    src/gateway/openapi.c
    src/gateway/order.c
    src/gateway/order_digest.c
    src/gateway/order_dify.c
    src/gateway/order_form.c
    src/gateway/order_json.c
    src/gateway/out.c
    src/gateway/page.c
    src/gateway/places.c
    src/gateway/query.c
    src/gateway/reads.c
    src/gateway/recover.c
    src/gateway/reply.c
    src/gateway/result.c
    src/gateway/routes.c
    src/gateway/rows.c
    src/gateway/run.c
    src/gateway/run_hears.c
    src/gateway/run_keeps.c
    src/gateway/runlog.c
    src/gateway/runs.c
    src/gateway/sha256.c
    src/gateway/spool.c
    src/gateway/sse.c
    src/gateway/stats.c
    src/gateway/stream.c
    src/gateway/test_dify.c
    src/gateway/uv_host.c
    src/gateway/v1.c
    src/gateway/v1_body.c
    src/gateway/v1_detail.c
    src/gateway/v1_fields.c
    src/gateway/v1_known.c
    src/gateway/v1_mend.c
    src/gateway/v1_mend_end.c
    src/gateway/v1_mend_text.c
    src/gateway/v1_mend_told.c
    src/gateway/v1_relay.c
    src/gateway/v1_run.c
    src/gateway/words.c)
target_link_libraries(dify_gateway PUBLIC dify_flags dify_yyjson PkgConfig::DIFY_UV
    PkgConfig::DIFY_YAML PkgConfig::DIFY_CRYPTO)

# The description of its routes.
set(described docs/openapi.json)
embed_bytes(${described} bytes)
file(CONFIGURE OUTPUT openapi_bytes.c @ONLY CONTENT
"/* Made from ${described} */
#include \"gateway/openapi.h\"
const unsigned char gw_openapi_bytes[] = {
@bytes@};
const size_t gw_openapi_len = sizeof gw_openapi_bytes;
")
target_sources(dify_gateway PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/openapi_bytes.c)
