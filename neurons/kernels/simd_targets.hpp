#pragma once
/// Which SIMD targets the kernels are compiled for. Include it before any header of Highway.
///
/// One copy of each loop for SSE4, AVX2 and AVX-512 on x86, NEON on Arm; the copy is chosen at run time. Further targets would
/// enlarge the library without making it faster. The baseline is SSE4 rather than Highway's scalar fallback: every 64-bit x86
/// processor since 2008 has it, and one-lane vectors lack operations that the loops need.

#if defined(HIGHWAY_HWY_BASE_H_)
#error "include neurons/kernels/simd_targets.hpp before any header of Highway"
#endif

#if defined(__clang_analyzer__)  // clang-tidy reads each loop once
#define HWY_COMPILE_ONLY_STATIC
#endif
#if defined(__x86_64__)
#if defined(__clang_analyzer__)
#define HWY_BASELINE_TARGETS (HWY_AVX2)  // has all loops of the other targets, and some of its own
#else
#define HWY_BASELINE_TARGETS (HWY_SSE4)
#endif
#endif
// Bits of Highway's target mask, as numbers since older versions lack the later names: 0–7 are the AVX-512 variants above HWY_AVX3,
// 12 and 14 SSSE3 and SSE2, 24–27 the SVE variants.
// NEURONS_LACKS_TARGETS: those that a sanitized build leaves out because the machine that builds it could not run them.
#if !defined(NEURONS_LACKS_TARGETS)
#define NEURONS_LACKS_TARGETS 0
#endif
#define HWY_DISABLED_TARGETS (NEURONS_LACKS_TARGETS | 0xFFLL | (1LL << 12) | (1LL << 14) | (15LL << 24))
