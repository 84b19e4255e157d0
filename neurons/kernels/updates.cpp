// The optimisers' update rules. Elements with g = w = state = 0 (a panel's padding) stay exactly 0.
#include "neurons/kernels/updates.hpp"

#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/updates.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/tile_functions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// decay · old + (1 - decay) · added
HWY_INLINE Vector moving_average(Floats d, Vector old, Vector added, float decay) {
  return hn::MulAdd(hn::Set(d, decay), old, hn::Mul(hn::Set(d, 1.0F - decay), added));
}

/// rate · g / (sqrt(s) + epsilon), the step of RMSprop and Adagrad.
HWY_INLINE Vector scaled_step(Floats d, Vector g, Vector s, float rate, float epsilon) {
  return hn::Div(hn::Mul(hn::Set(d, rate), g), hn::Add(hn::Sqrt(s), hn::Set(d, epsilon)));
}

HWY_INLINE float scalar(const Tile& tile, int stream) { return *reinterpret_cast<const float*>(tile.streams[stream].data); }

struct SgdFormula {
  float rate;
  HWY_INLINE Vector operator()(Floats d, Vector g, Vector w) const { return hn::NegMulAdd(hn::Set(d, rate), g, w); }
};
void sgd_update_tile(const Tile& tile) { map<1>(Outputs<float>(), Inputs<float, float>(), tile, SgdFormula{scalar(tile, 2)}); }

struct MomentumFormula {
  MomentumOptions options;
  float rate;
  float gain;
  HWY_INLINE Results<2> operator()(Floats d, Vector g, Vector w, Vector v) const {
    const Vector momentum = hn::Set(d, options.momentum);
    const Vector velocity = hn::MulAdd(momentum, v, hn::Mul(hn::Set(d, gain), g));
    const Vector step = options.nesterov ? hn::MulAdd(momentum, velocity, g) : velocity;
    return {{hn::NegMulAdd(hn::Set(d, rate), step, w), velocity}};
  }
};
void momentum_update_tile(const Tile& tile) {
  map<2>(Outputs<float, float>(), Inputs<float, float, float>(), tile,
         MomentumFormula{options_of<MomentumOptions>(tile), scalar(tile, 3), scalar(tile, 4)});
}

struct AdamFormula {
  AdamOptions options;
  float step_size;
  float inverse_correction;  // one division for the tile instead of one an element
  float decay;
  HWY_INLINE Results<3> operator()(Floats d, Vector g, Vector w, Vector m, Vector v) const {
    const Vector mean = moving_average(d, m, g, options.beta1);
    const Vector variance = moving_average(d, v, hn::Mul(g, g), options.beta2);
    const Vector scale = hn::MulAdd(hn::Sqrt(variance), hn::Set(d, inverse_correction), hn::Set(d, options.epsilon));
    const Vector decayed = hn::NegMulAdd(w, hn::Set(d, decay), w);
    return {{hn::Sub(decayed, hn::Div(hn::Mul(hn::Set(d, step_size), mean), scale)), mean, variance}};
  }
};
void adam_update_tile(const Tile& tile) {
  map<3>(Outputs<float, float, float>(), Inputs<float, float, float, float>(), tile,
         AdamFormula{options_of<AdamOptions>(tile), scalar(tile, 4), 1.0F / scalar(tile, 5), scalar(tile, 6)});
}

struct RmsPropFormula {
  RmsPropOptions options;
  float rate;
  HWY_INLINE Results<2> operator()(Floats d, Vector g, Vector w, Vector s) const {
    const Vector square = moving_average(d, s, hn::Mul(g, g), options.alpha);
    return {{hn::Sub(w, scaled_step(d, g, square, rate, options.epsilon)), square}};
  }
};
void rmsprop_update_tile(const Tile& tile) {
  map<1>(Outputs<float, float>(), Inputs<float, float, float>(), tile,
         RmsPropFormula{options_of<RmsPropOptions>(tile), scalar(tile, 3)});
}

struct AdagradFormula {
  AdagradOptions options;
  float rate;
  HWY_INLINE Results<2> operator()(Floats d, Vector g, Vector w, Vector s) const {
    const Vector sum = hn::MulAdd(g, g, s);
    return {{hn::Sub(w, scaled_step(d, g, sum, rate, options.epsilon)), sum}};
  }
};
void adagrad_update_tile(const Tile& tile) {
  map<1>(Outputs<float, float>(), Inputs<float, float, float>(), tile,
         AdagradFormula{options_of<AdagradOptions>(tile), scalar(tile, 3)});
}

struct LionFormula {
  LionOptions options;
  float rate;
  float decay;
  HWY_INLINE Results<2> operator()(Floats d, Vector g, Vector w, Vector m) const {
    const Vector direction = moving_average(d, m, g, options.beta1);
    // rate · sign(direction), and NaN for NaN: a broken gradient must show.
    const Vector forward = hn::IfThenElse(hn::Gt(direction, hn::Zero(d)), hn::Set(d, rate), direction);
    const Vector signed_rate = hn::IfThenElse(hn::Lt(direction, hn::Zero(d)), hn::Set(d, -rate), forward);
    return {{hn::Sub(hn::NegMulAdd(w, hn::Set(d, decay), w), signed_rate), moving_average(d, m, g, options.beta2)}};
  }
};
void lion_update_tile(const Tile& tile) {
  map<2>(Outputs<float, float>(), Inputs<float, float, float>(), tile,
         LionFormula{options_of<LionOptions>(tile), scalar(tile, 3), scalar(tile, 4)});
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

NEURONS_TILE_FUNCTION(sgd_update)
NEURONS_TILE_FUNCTION(momentum_update)
NEURONS_TILE_FUNCTION(adam_update)
NEURONS_TILE_FUNCTION(rmsprop_update)
NEURONS_TILE_FUNCTION(adagrad_update)
NEURONS_TILE_FUNCTION(lion_update)

}  // namespace neurons::kernels
#endif  // HWY_ONCE
