// clang-format off
#include "neurons/kernels/kernel_testing.hpp"
// clang-format on

#include "neurons/kernels/attention.hpp"

#include "neurons/base/aligned_buffer.hpp"

namespace neurons::kernels {
namespace {

/// Runs the call in scratch of as many bytes as it asks for, and looks at what lies behind.
template <class Call, class Run>
void expect_scratch_suffices(const Call& call, Run run) {
  constexpr std::byte kRedZone{0x5A};
  constexpr std::size_t kBehind = std::size_t{1} << 16;
  const std::size_t bytes = scratch_bytes(call);
  AlignedBuffer scratch(bytes + kBehind);
  std::fill_n(scratch.data(), bytes + kBehind, kRedZone);
  run(call, scratch.data(), Worker{});
  const auto is_intact = [](std::byte byte) { return byte == kRedZone; };
  EXPECT_TRUE(std::all_of(scratch.data() + bytes, scratch.data() + bytes + kBehind, is_intact));
}

// Steps that lie multiples of 2 KB apart are packed; heads of queries, keys and values side by side, and each by itself.
TEST(Attention, ScratchSufficesWhereStepsArePacked) {
  struct Size {
    std::int64_t heads, size, value_size, steps;
  };
  for (const Size& of :
       {Size{8, 64, 64, 64}, {4, 128, 128, 64}, {1, 512, 512, 72}, {16, 32, 64, 40}, {2, 256, 512, 300}, {2, 512, 16, 65}}) {
    const std::int64_t heads = of.heads;
    const std::int64_t size = of.size;
    const std::int64_t value_size = of.value_size;
    const std::int64_t steps = of.steps;
    for (const bool together : {false, true}) {
      const std::int64_t parts = together ? 3 : 1;
      const std::int64_t stride = heads * size * parts;
      const std::int64_t value_stride = heads * value_size * parts;
      const auto count = [&](std::int64_t floats) { return static_cast<std::size_t>(steps * floats); };
      const std::vector<float> q = testing::varied_values(count(stride), 1);
      const std::vector<float> v = testing::varied_values(count(value_stride), 2);
      const std::vector<float> dy = testing::varied_values(count(value_stride), 3);
      std::vector<float> y(count(value_stride));
      std::vector<float> dq(count(stride));
      std::vector<float> dk(count(stride));
      std::vector<float> dv(count(value_stride));
      std::vector<float> log_sum_exp(count(heads));
      Attention call;
      call.batch = 1;
      call.heads = call.kv_heads = heads;
      call.queries = call.keys = steps;
      call.size = size;
      call.value_size = value_size;
      call.scale = 1e-4F;
      call.q = call.k = {q.data(), 0, size, stride};
      call.v = {v.data(), 0, value_size, value_stride};
      call.y = {y.data(), 0, value_size, value_stride};
      call.log_sum_exp = log_sum_exp.data();
      AttentionGradient gradient;
      gradient.dy = {dy.data(), 0, value_size, value_stride};
      gradient.dq = {dq.data(), 0, size, stride};
      gradient.dk = {dk.data(), 0, size, stride};
      gradient.dv = {dv.data(), 0, value_size, value_stride};
      testing::for_each_target([&] {
        SCOPED_TRACE(::testing::Message() << heads << " heads of " << size << ", " << steps << " steps " << stride << " apart");
        expect_scratch_suffices(call, &attention);
        gradient.forward = call;
        expect_scratch_suffices(gradient, &attention_gradient);
      });
    }
  }
}

}  // namespace
}  // namespace neurons::kernels
