# `cmake --install` and find_package(neurons).
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY NEURONS_ROOMS)
install(TARGETS ${rooms} neurons_options neurons_all EXPORT neurons_targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/neurons DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp"
  REGEX "(testing|_test)\\.hpp$|/testing/" EXCLUDE)
install(EXPORT neurons_targets NAMESPACE neurons:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/neurons)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/neuronsConfig.cmake.in ${PROJECT_BINARY_DIR}/neuronsConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/neurons)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/neuronsConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/neuronsConfig.cmake ${PROJECT_BINARY_DIR}/neuronsConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/neurons)
if(TARGET neurons_command)
  install(TARGETS neurons_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/data DESTINATION ${CMAKE_INSTALL_DATADIR}/neurons)  # Session::places() looks there
endif()
