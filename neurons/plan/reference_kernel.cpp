#include "neurons/plan/reference_kernel.hpp"

#include <cstring>

#include "neurons/tensor/convert.hpp"

namespace neurons {
namespace {

/// Calls `function` with a typed pointer to the buffer's elements.
template <typename Function>
void with_elements(const Buffer& buffer, Function function) {
  switch (buffer.type.dtype) {
    case DType::f32:
      return function(buffer.as<float>());
    case DType::f64:
      return function(buffer.as<double>());
    case DType::i32:
      return function(buffer.as<std::int32_t>());
    case DType::i64:
      return function(buffer.as<std::int64_t>());
    case DType::u8:
      return function(buffer.as<std::uint8_t>());
    case DType::boolean:
      return function(buffer.as<bool>());
  }
}

struct ReferenceCall {
  const OpDef* op = nullptr;
  Options options;
  std::vector<Buffer> inputs;
  std::vector<Buffer> outputs;
  /// Working copies in double precision; only ever touched by the one worker that runs the call.
  std::shared_ptr<std::vector<ReferenceTensor>> wide_inputs;
  std::shared_ptr<std::vector<ReferenceTensor>> wide_outputs;
  std::vector<const ReferenceTensor*> pointers;
};

void run_plain(const ReferenceCall& call, std::byte*, Worker) noexcept {
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    if (!call.inputs[i]) continue;
    auto& data = (*call.wide_inputs)[i].data;
    with_elements(call.inputs[i], [&](auto* elements) {
      for (std::size_t e = 0; e < data.size(); ++e) data[e] = static_cast<double>(elements[e]);
    });
  }
  call.op->reference({call.options, call.pointers, *call.wide_outputs});
  for (std::size_t o = 0; o < call.outputs.size(); ++o) {
    if (!call.outputs[o]) continue;
    const auto& data = (*call.wide_outputs)[o].data;
    with_elements(call.outputs[o], [&]<typename T>(T* elements) {
      for (std::size_t e = 0; e < data.size(); ++e) elements[e] = convert<T>(data[e]);
    });
  }
}

struct CopyCall {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::size_t bytes = 0;
};

void run_copy(const CopyCall& copy, std::byte*, Worker) noexcept { std::memmove(copy.to, copy.from, copy.bytes); }

std::vector<ReferenceTensor> widened(std::span<const Buffer> buffers) {
  std::vector<ReferenceTensor> result;
  for (const Buffer& buffer : buffers) {
    result.push_back({buffer.type, std::vector<double>(static_cast<std::size_t>(buffer.type.shape.elements()))});
  }
  return result;
}

}  // namespace

Kernel reference_kernel() {
  return {"reference", nullptr, [](const PrepareContext& context) {
            ReferenceCall call{&context.op,
                               context.options,
                               {context.inputs.begin(), context.inputs.end()},
                               {context.outputs.begin(), context.outputs.end()},
                               nullptr,
                               nullptr,
                               {}};
            call.wide_inputs = std::make_shared<std::vector<ReferenceTensor>>(widened(context.inputs));
            call.wide_outputs = std::make_shared<std::vector<ReferenceTensor>>(widened(context.outputs));
            for (std::size_t i = 0; i < call.inputs.size(); ++i) {
              call.pointers.push_back(call.inputs[i] ? &(*call.wide_inputs)[i] : nullptr);
            }
            return Call::of<run_plain>(std::move(call), false);
          }};
}

Call copy_buffer(const Buffer& from, const Buffer& to) {
  return Call::of<run_copy>(CopyCall{from.data, to.data, from.type.bytes()}, false);
}

}  // namespace neurons
