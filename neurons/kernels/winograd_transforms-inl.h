// The transforms of Winograd's method along one axis, as winograd.hpp has them. Compiled once per target.

#if defined(NEURONS_KERNELS_WINOGRAD_TRANSFORMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_WINOGRAD_TRANSFORMS_INL_H_
#undef NEURONS_KERNELS_WINOGRAD_TRANSFORMS_INL_H_
#else
#define NEURONS_KERNELS_WINOGRAD_TRANSFORMS_INL_H_
#endif

#include "neurons/kernels/micro_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Vectors at `count` places of an axis.
template <int count>
struct Line {
  Vector v[count];
};

/// A factor of a sum over places of an axis.
struct Term {
  int place;
  float factor;
};

HWY_INLINE Vector constant(float value) { return hn::Set(Floats(), value); }

/// Tiles of so many results an axis.
template <int tile>
struct Winograd;

/// Points 0, 1, -1, ∞.
template <>
struct Winograd<2> {
  static HWY_INLINE Line<4> inputs(const Line<4>& d) {
    return {{hn::Sub(d.v[0], d.v[2]), hn::Add(d.v[1], d.v[2]), hn::Sub(d.v[2], d.v[1]), hn::Sub(d.v[1], d.v[3])}};
  }
  static HWY_INLINE Line<4> weights(const Line<3>& g) {
    const Vector half = constant(0.5F);
    const Vector outer = hn::Mul(half, hn::Add(g.v[0], g.v[2]));
    const Vector middle = hn::Mul(half, g.v[1]);
    return {{g.v[0], hn::Add(outer, middle), hn::Sub(outer, middle), g.v[2]}};
  }
  static HWY_INLINE Line<2> results(const Line<4>& m) {
    return {{hn::Add(m.v[0], hn::Add(m.v[1], m.v[2])), hn::Sub(hn::Sub(m.v[1], m.v[2]), m.v[3])}};
  }
  static HWY_INLINE Line<4> gradients(const Line<2>& y) {
    return {{y.v[0], hn::Add(y.v[0], y.v[1]), hn::Sub(y.v[0], y.v[1]), hn::Neg(y.v[1])}};
  }
  static HWY_INLINE Line<3> sums(const Line<4>& s) {
    const Vector half = constant(0.5F);
    const Vector sum = hn::Mul(half, hn::Add(s.v[1], s.v[2]));
    return {{hn::Add(s.v[0], sum), hn::Mul(half, hn::Sub(s.v[1], s.v[2])), hn::Add(sum, s.v[3])}};
  }
  /// The rows of inputs() and gradients(), term by term.
  static constexpr int kInputTerms = 2;
  static constexpr Term kInputs[4][kInputTerms] = {{{0, 1}, {2, -1}}, {{1, 1}, {2, 1}}, {{2, 1}, {1, -1}}, {{1, 1}, {3, -1}}};
  static constexpr float kGradients[4][2] = {{1, 0}, {1, 1}, {1, -1}, {0, -1}};
};

/// Points 0, a, -a, b, -b, ∞.
template <>
struct Winograd<4> {
  static constexpr float kA = 0.625F;
  static constexpr float kB = 1.5F;
  static constexpr float kA2 = kA * kA;
  static constexpr float kB2 = kB * kB;
  static constexpr float kA3 = kA * kA2;
  static constexpr float kB3 = kB * kB2;
  static constexpr float kAB2 = kA * kB2;
  static constexpr float kBA2 = kB * kA2;
  static constexpr float kA2B2 = kA2 * kB2;
  /// The polynomial's derivatives at 0, a and b, inverted.
  static constexpr float kAt0 = 1 / kA2B2;
  static constexpr float kAtA = 1 / (2 * kA2 * (kA2 - kB2));
  static constexpr float kAtB = 1 / (2 * kB2 * (kB2 - kA2));

  static HWY_INLINE Line<6> inputs(const Line<6>& d) {
    const Vector even_a = hn::NegMulAdd(constant(kB2), d.v[2], d.v[4]);
    const Vector odd_a = hn::Mul(constant(kA), hn::NegMulAdd(constant(kB2), d.v[1], d.v[3]));
    const Vector even_b = hn::NegMulAdd(constant(kA2), d.v[2], d.v[4]);
    const Vector odd_b = hn::Mul(constant(kB), hn::NegMulAdd(constant(kA2), d.v[1], d.v[3]));
    return {{ends(d.v[0], d.v[2], d.v[4]), hn::Add(even_a, odd_a), hn::Sub(even_a, odd_a), hn::Add(even_b, odd_b),
             hn::Sub(even_b, odd_b), ends(d.v[1], d.v[3], d.v[5])}};
  }
  static HWY_INLINE Line<6> weights(const Line<3>& g) {
    const Vector even_a = hn::Mul(constant(kAtA), hn::MulAdd(constant(kA2), g.v[2], g.v[0]));
    const Vector odd_a = hn::Mul(constant(kAtA * kA), g.v[1]);
    const Vector even_b = hn::Mul(constant(kAtB), hn::MulAdd(constant(kB2), g.v[2], g.v[0]));
    const Vector odd_b = hn::Mul(constant(kAtB * kB), g.v[1]);
    return {{hn::Mul(constant(kAt0), g.v[0]), hn::Add(even_a, odd_a), hn::Sub(even_a, odd_a), hn::Add(even_b, odd_b),
             hn::Sub(even_b, odd_b), g.v[2]}};
  }
  static HWY_INLINE Line<4> results(const Line<6>& m) {
    const Vector even_a = hn::Add(m.v[1], m.v[2]);
    const Vector even_b = hn::Add(m.v[3], m.v[4]);
    const Vector odd_a = hn::Mul(constant(kA), hn::Sub(m.v[1], m.v[2]));
    const Vector odd_b = hn::Mul(constant(kB), hn::Sub(m.v[3], m.v[4]));
    return {{hn::Add(m.v[0], hn::Add(even_a, even_b)), hn::Add(odd_a, odd_b),
             hn::MulAdd(constant(kB2), even_b, hn::Mul(constant(kA2), even_a)),
             hn::MulAdd(constant(kB2), odd_b, hn::MulAdd(constant(kA2), odd_a, m.v[5]))}};
  }
  static HWY_INLINE Line<6> gradients(const Line<4>& y) {
    const Vector even_a = hn::MulAdd(constant(kA2), y.v[2], y.v[0]);
    const Vector odd_a = hn::Mul(constant(kA), hn::MulAdd(constant(kA2), y.v[3], y.v[1]));
    const Vector even_b = hn::MulAdd(constant(kB2), y.v[2], y.v[0]);
    const Vector odd_b = hn::Mul(constant(kB), hn::MulAdd(constant(kB2), y.v[3], y.v[1]));
    return {{y.v[0], hn::Add(even_a, odd_a), hn::Sub(even_a, odd_a), hn::Add(even_b, odd_b), hn::Sub(even_b, odd_b), y.v[3]}};
  }
  static HWY_INLINE Line<3> sums(const Line<6>& s) {
    const Vector even_a = hn::Mul(constant(kAtA), hn::Add(s.v[1], s.v[2]));
    const Vector even_b = hn::Mul(constant(kAtB), hn::Add(s.v[3], s.v[4]));
    const Vector odd_a = hn::Mul(constant(kAtA * kA), hn::Sub(s.v[1], s.v[2]));
    return {{hn::MulAdd(constant(kAt0), s.v[0], hn::Add(even_a, even_b)),
             hn::MulAdd(constant(kAtB * kB), hn::Sub(s.v[3], s.v[4]), odd_a),
             hn::MulAdd(constant(kB2), even_b, hn::MulAdd(constant(kA2), even_a, s.v[5]))}};
  }
  static constexpr int kInputTerms = 4;
  static constexpr Term kInputs[6][kInputTerms] = {
      {{0, kA2B2}, {2, -(kA2 + kB2)}, {4, 1}, {4, 0}}, {{1, -kAB2}, {2, -kB2}, {3, kA}, {4, 1}},
      {{1, kAB2}, {2, -kB2}, {3, -kA}, {4, 1}},        {{1, -kBA2}, {2, -kA2}, {3, kB}, {4, 1}},
      {{1, kBA2}, {2, -kA2}, {3, -kB}, {4, 1}},        {{1, kA2B2}, {3, -(kA2 + kB2)}, {5, 1}, {5, 0}}};
  static constexpr float kGradients[6][4] = {{1, 0, 0, 0},      {1, kA, kA2, kA3},   {1, -kA, kA2, -kA3},
                                             {1, kB, kB2, kB3}, {1, -kB, kB2, -kB3}, {0, 0, 0, 1}};

 private:
  static HWY_INLINE Vector ends(Vector first, Vector second, Vector third) {
    return hn::MulAdd(constant(kA2B2), first, hn::NegMulAdd(constant(kA2 + kB2), second, third));
  }
};

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_WINOGRAD_TRANSFORMS_INL_H_
