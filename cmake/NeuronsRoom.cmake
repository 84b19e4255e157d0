# neurons_room(NAME [FOLDERS subfolders…] DEPENDS targets… [PRIVATE targets…] [TEST_DEPENDS targets…] [ON_EACH_SIMD_TARGET])
#
# One room of the tree: every .cpp of the current folder and of the subfolders named becomes the static library neurons_NAME, every *_test.cpp one test program
# test_NAME, which ctest runs as a whole. Header-only libraries that no header of the room shows are given as $<BUILD_INTERFACE:…>: users of the
# installed package then need not have them. ON_EACH_SIMD_TARGET: ctest runs the tests on the best SIMD target of this machine and once more on each lesser one.

add_library(neurons_options INTERFACE)
target_compile_features(neurons_options INTERFACE cxx_std_20)
target_include_directories(neurons_options INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

add_library(neurons_warnings INTERFACE)
target_compile_options(neurons_warnings INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Werror -fno-math-errno -ffp-contract=off
  # GCC 12 sees overlap in std::string operator+ where there is none (GCC bug 105651), and, in precompiled headers, copies beyond any size.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-stringop-overflow -Wno-array-bounds>)
if(NEURONS_SANITIZE)
  # Without the parts of "undefined" that AddressSanitizer covers (null, object-size, pointer-overflow) or that matter least here (alignment, vptr):
  # they double the time to compile (docs/decisions/0001).
  target_compile_options(neurons_options INTERFACE -fsanitize=${NEURONS_SANITIZE}
    -fno-sanitize=null,object-size,pointer-overflow,alignment,vptr -fno-sanitize-recover=all -fno-omit-frame-pointer
    # In functions of more reads and writes than that (kernels) each is checked by a call: half the time to compile.
    $<$<CXX_COMPILER_ID:Clang>:SHELL:-mllvm -asan-instrumentation-with-call-threshold=1000>)
  target_link_options(neurons_options INTERFACE -fsanitize=${NEURONS_SANITIZE})
  # What cannot run here cannot be judged here, and kernels for AVX-512 are half of the time to compile them.
  if(EXISTS /proc/cpuinfo)
    file(STRINGS /proc/cpuinfo avx512 REGEX avx512bw LIMIT_COUNT 1)
    if(NOT avx512)
      target_compile_definitions(neurons_options INTERFACE NEURONS_LACKS_TARGETS=0x100)  # HWY_AVX3
    endif()
  endif()
  target_compile_definitions(neurons_options INTERFACE NEURONS_SANITIZED)  # for tests that would take too long, or more memory than they allow themselves
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Coverage")
  target_compile_options(neurons_options INTERFACE --coverage -g)
  target_link_options(neurons_options INTERFACE --coverage)
endif()
if(NOT NEURONS_SANITIZE AND NOT CMAKE_BUILD_TYPE MATCHES "^(Debug|Coverage)$")
  # Each function has a section of its own, and a program keeps those that it can reach: a fifth less than whole sources (scripts/library_size.sh).
  target_compile_options(neurons_warnings INTERFACE -ffunction-sections -fdata-sections)
  target_link_options(neurons_options INTERFACE $<$<PLATFORM_ID:Linux>:-Wl,--gc-sections>)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

# Headers that most sources read are read once: those of others for the lower rooms (neurons_precompiled), the graph's too for the rooms above it
# (neurons_precompiled_graph), GoogleTest's for tests. clang-tidy reads no precompiled headers: it finds a source that forgets to include what it uses.
set(NEURONS_COMMON_HEADERS <algorithm> <array> <atomic> <chrono> <cmath> <cstring> <filesystem> <fstream> <functional> <limits> <map> <memory> <mutex>
  <numeric> <optional> <random> <span> <sstream> <stdexcept> <string> <thread> <tuple> <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
set(NEURONS_GRAPH_HEADER ${PROJECT_SOURCE_DIR}/neurons/graph/graph.hpp)

# neurons_precompiled(NAME OPTIMIZATION HEADERS…): a target whose precompiled headers others use. Never from ccache: they know the times of the files that they were made of,
# and in another clone "#pragma once" would not know them again.
function(neurons_precompiled NAME OPTIMIZATION)
  file(WRITE ${PROJECT_BINARY_DIR}/precompiled.cpp "")
  add_library(${NAME} OBJECT ${PROJECT_BINARY_DIR}/precompiled.cpp)
  target_link_libraries(${NAME} PRIVATE neurons_options neurons_warnings fmt::fmt)
  target_compile_options(${NAME} PRIVATE ${OPTIMIZATION})
  target_precompile_headers(${NAME} PRIVATE ${ARGN})
  set_target_properties(${NAME} PROPERTIES CXX_COMPILER_LAUNCHER "")
endfunction()

# What ops do is prepare calls of kernels, what layers, specs and formats do is make and describe graphs: -O3 would make them larger by a
# quarter, not faster. Tests and commands take longer to optimise than they take to run; so do, sanitized, the rooms above the graph's.
if(NEURONS_SANITIZE)
  set(NEURONS_COMMAND_OPTIMIZATION -O0)
  set(NEURONS_TESTS_OPTIMIZATION -O0)
  set(NEURONS_ROOM_OPTIMIZATION -O0)
  set(NEURONS_SMALL_OPTIMIZATION -O0)
else()
  set(NEURONS_COMMAND_OPTIMIZATION $<$<CONFIG:Release>:-O1>)
  set(NEURONS_TESTS_OPTIMIZATION $<$<CONFIG:Release>:-O0>)
  set(NEURONS_ROOM_OPTIMIZATION "")
  set(NEURONS_SMALL_OPTIMIZATION $<$<CONFIG:Release>:-Os>)
endif()
if(NEURONS_PRECOMPILE)
  neurons_precompiled(neurons_precompiled "" ${NEURONS_COMMON_HEADERS})
  neurons_precompiled(neurons_precompiled_graph "${NEURONS_ROOM_OPTIMIZATION}" ${NEURONS_COMMON_HEADERS} ${NEURONS_GRAPH_HEADER})
  neurons_precompiled(neurons_precompiled_small "${NEURONS_SMALL_OPTIMIZATION}" ${NEURONS_COMMON_HEADERS} ${NEURONS_GRAPH_HEADER})
  set_target_properties(neurons_precompiled neurons_precompiled_graph neurons_precompiled_small PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(NEURONS_TESTS)
    neurons_precompiled(neurons_precompiled_tests "${NEURONS_TESTS_OPTIMIZATION}" ${NEURONS_COMMON_HEADERS} ${NEURONS_GRAPH_HEADER} <gmock/gmock.h> <gtest/gtest.h>)
    target_link_libraries(neurons_precompiled_tests PRIVATE GTest::gmock)
  endif()
endif()

# GCC looks for memory to use again whenever it has taken some 128 MB, and walks through all that is precompiled: a tenth of the time to compile ops, for 497 MB that are 439
# then (docs/decisions/0001). What it writes is the same. Kernels take as long with and without.
function(neurons_collect_no_garbage TARGET)
  if(NOT "${TARGET}" STREQUAL neurons_kernels)
    target_compile_options(${TARGET} PRIVATE $<$<CXX_COMPILER_ID:GNU>:--param=ggc-min-heapsize=1000000>)
  endif()
endfunction()

# neurons_compile(TARGET FROM OPTIMIZATION): TARGET is compiled with the headers that FROM has precompiled. With NEURONS_UNITE its sources are compiled sixteen at a
# time: templates are instantiated once for all of them (docs/decisions/0001). What they define in anonymous namespaces must then have different names; kernels are
# compiled once for each SIMD target, and ops have a way of their own (ops/CMakeLists.txt).
function(neurons_compile TARGET FROM OPTIMIZATION)
  target_compile_options(${TARGET} PRIVATE ${OPTIMIZATION})
  neurons_collect_no_garbage(${TARGET})
  if(NOT "${TARGET}" MATCHES "^((neurons|test)_kernels|neurons_ops)$")
    set_target_properties(${TARGET} PROPERTIES UNITY_BUILD ${NEURONS_UNITE})
  endif()
  if(NEURONS_PRECOMPILE)
    target_precompile_headers(${TARGET} REUSE_FROM ${FROM})
    # ccache asks for the first; by the second, ninja and tidy.py know what a source depends on.
    target_compile_options(${TARGET} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess -fpch-deps>)
  endif()
endfunction()

find_program(NEURONS_LLD ld.lld)  # links a test program in a quarter of the processor time of GNU ld

function(neurons_test NAME)
  cmake_parse_arguments(TEST "ON_EACH_SIMD_TARGET" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(test_${NAME} ${TEST_SOURCES})
  target_link_libraries(test_${NAME} PRIVATE ${TEST_DEPENDS} neurons_warnings GTest::gmock GTest::gtest_main rapidcheck_gtest)
  target_compile_definitions(test_${NAME} PRIVATE NEURONS_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(NEURONS_LLD)
    target_link_options(test_${NAME} PRIVATE -fuse-ld=lld)
  endif()
  if(NOT NAME STREQUAL kernels)  # whose own loops are long
    neurons_compile(test_${NAME} neurons_precompiled_tests "${NEURONS_TESTS_OPTIMIZATION}")
  endif()
  add_test(NAME ${NAME} COMMAND test_${NAME} --gtest_brief=1)
  set(random_cases seed=2026)  # the same ones each time; without it, by hand, new ones
  set(environment "")
  if(NEURONS_SANITIZE)
    string(APPEND random_cases " max_success=40")  # of a hundred: each takes several times as long
    # The whole stack of each allocation is a fifth of the time of tests that make graphs; started by hand, a test program that found something keeps it.
    set(environment ";ASAN_OPTIONS=malloc_context_size=2")
  endif()
  set_tests_properties(${NAME} PROPERTIES TIMEOUT 600 ENVIRONMENT "RC_PARAMS=${random_cases}${environment}")
  if(TEST_ON_EACH_SIMD_TARGET)
    target_sources(test_${NAME} PRIVATE ${PROJECT_SOURCE_DIR}/neurons/kernels/simd_target_test.cpp)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT NEURONS_SANITIZE)  # the kernels' own tests run on every target when sanitized, too
      foreach(target AVX2 SSE4)
        add_test(NAME ${NAME}-${target} COMMAND test_${NAME} --gtest_brief=1)
        set_tests_properties(${NAME}-${target} PROPERTIES TIMEOUT 600 SKIP_REGULAR_EXPRESSION "this machine lacks the SIMD target|this machine's best SIMD target"
          ENVIRONMENT "RC_PARAMS=${random_cases};NEURONS_TEST_SIMD_TARGET=${target}")
      endforeach()
    endif()
  endif()
endfunction()

function(neurons_room NAME)
  cmake_parse_arguments(ROOM "ON_EACH_SIMD_TARGET" "" "FOLDERS;DEPENDS;PRIVATE;TEST_DEPENDS" ${ARGN})
  list(TRANSFORM ROOM_FOLDERS APPEND "/*.cpp")
  file(GLOB sources CONFIGURE_DEPENDS *.cpp ${ROOM_FOLDERS})
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  add_library(neurons_${NAME} STATIC ${sources})
  add_library(neurons::${NAME} ALIAS neurons_${NAME})
  set_target_properties(neurons_${NAME} PROPERTIES EXPORT_NAME ${NAME} POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(neurons_${NAME} PUBLIC neurons_options ${ROOM_DEPENDS} PRIVATE $<BUILD_INTERFACE:neurons_warnings> ${ROOM_PRIVATE})
  if(NAME STREQUAL kernels AND CMAKE_BUILD_TYPE MATCHES "^(Debug|Coverage)$")
    target_compile_options(neurons_kernels PRIVATE -O1)  # GCC 12 refuses some of Highway's intrinsics unoptimised; with headers of its own
  elseif(NAME MATCHES "^(base|tensor|kernels|graph)$")
    neurons_compile(neurons_${NAME} neurons_precompiled "")
  elseif(NAME MATCHES "^(ops|ops_common|layers|networks|spec|onnx|formats(_[a-z]+)?)$")
    neurons_compile(neurons_${NAME} neurons_precompiled_small "${NEURONS_SMALL_OPTIMIZATION}")
  else()
    neurons_compile(neurons_${NAME} neurons_precompiled_graph "${NEURONS_ROOM_OPTIMIZATION}")
  endif()
  set_property(GLOBAL APPEND PROPERTY NEURONS_ROOMS neurons_${NAME})
  if(NEURONS_TESTS AND tests)
    if(ROOM_ON_EACH_SIMD_TARGET)
      list(APPEND ROOM_TEST_DEPENDS ON_EACH_SIMD_TARGET)
    endif()
    neurons_test(${NAME} SOURCES ${tests} DEPENDS neurons_${NAME} ${ROOM_TEST_DEPENDS})
  endif()
endfunction()
