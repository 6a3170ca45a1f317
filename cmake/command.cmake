# command.cmake: the difystream command, its man page and its completions.

# All but main.c, so that tests can link them.
add_library(dify_cli OBJECT
    src/cli/args.c
    src/cli/asking.c
    src/cli/checkup.c
    src/cli/cmd_chat.c
    src/cli/cmd_doctor.c
    src/cli/cmd_events.c
    src/cli/cmd_fold.c
    src/cli/cmd_form.c
    src/cli/cmd_list.c
    src/cli/cmd_params.c
    src/cli/cmd_resume.c
    src/cli/cmd_run.c
    src/cli/cmd_serve.c
    src/cli/cmd_show.c
    src/cli/cmd_sim.c
    src/cli/cmd_sse.c
    src/cli/cmd_stop.c
    src/cli/cmd_store.c
    src/cli/cmd_token.c
    src/cli/cmd_upload.c
    src/cli/completion.c
    src/cli/config.c
    src/cli/dify.c
    src/cli/following.c
    src/cli/following_hears.c
    src/cli/help.c
    src/cli/hints.c
    src/cli/http_head.c
    src/cli/input.c
    src/cli/inputs.c
    src/cli/journal.c
    src/cli/journal_list.c
    src/cli/journal_read.c
    src/cli/left_run.c
    src/cli/manual.c
    src/cli/output.c
    src/cli/print.c
    src/cli/progress.c
    src/cli/progress_draw.c
    src/cli/progress_pen.c
    src/cli/progress_rows.c
    src/cli/progress_text.c
    src/cli/record.c
    src/cli/settings.c
    src/cli/signals.c
    src/cli/summary.c
    src/cli/table.c
    src/cli/terminal.c
    src/cli/when.c)
target_link_libraries(dify_cli PUBLIC dify_flags dify_yyjson PkgConfig::DIFY_UV
    PkgConfig::DIFY_YAML)

add_executable(difystream_command src/cli/main.c)
target_link_libraries(difystream_command PRIVATE dify_cli dify_client dify_core dify_http dify_conf
    dify_sim dify_gateway dify_store)
target_sources(dify_cli PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/builtin_scenario.c)
set_target_properties(difystream_command PROPERTIES
    OUTPUT_NAME difystream RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
target_link_options(difystream_command PRIVATE -pie)
install(TARGETS difystream_command COMPONENT command)

# What the command can say of itself, as files.
set(said ${CMAKE_CURRENT_BINARY_DIR}/said)
file(MAKE_DIRECTORY ${said})
add_custom_command(OUTPUT ${said}/difystream.1 ${said}/difystream.bash ${said}/_difystream
        ${said}/difystream.fish
    COMMAND difystream_command man > ${said}/difystream.1
    COMMAND difystream_command completion bash > ${said}/difystream.bash
    COMMAND difystream_command completion zsh > ${said}/_difystream
    COMMAND difystream_command completion fish > ${said}/difystream.fish
    DEPENDS difystream_command VERBATIM)
add_custom_target(difystream_said ALL DEPENDS ${said}/difystream.1)
install(FILES ${said}/difystream.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT command)
install(FILES ${said}/difystream.bash RENAME difystream
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT command)
install(FILES ${said}/_difystream DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions
    COMPONENT command)
install(FILES ${said}/difystream.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT command)

# The scenario that difystream sim serves when it is given none.
set(scenario examples/sim/described.yaml)
embed_bytes(${scenario} bytes)
file(CONFIGURE OUTPUT builtin_scenario.c @ONLY CONTENT
"/* Made from ${scenario} */
#include \"cli/builtin.h\"
static const unsigned char bytes[] = {
@bytes@};
const struct cli_builtin cli_builtin_scenario = {\"${scenario}\", bytes, sizeof bytes};
")
