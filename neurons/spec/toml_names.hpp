#pragma once
/// The words that specs use for values of C++ types that have no text of their own.

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "neurons/data/augmentation.hpp"
#include "neurons/data/picture_options.hpp"
#include "neurons/data/readers/csv.hpp"
#include "neurons/data/readers/table_encoder.hpp"
#include "neurons/data/sequences/tokenizer.hpp"
#include "neurons/layers/layer.hpp"
#include "neurons/spec/network_spec.hpp"
#include "neurons/training/loss.hpp"
#include "neurons/training/method.hpp"
#include "neurons/training/schedule.hpp"

namespace neurons::toml_names {

/// The words of an enumeration, in the order of its values.
template <typename Enum>
constexpr std::array<std::string_view, 0> kWords = {};
template <>
inline constexpr std::array<std::string_view, 3> kWords<CsvOptions::Header> = {"automatic", "present", "absent"};
template <>
inline constexpr std::array<std::string_view, 3> kWords<Task> = {"automatic", "classification", "regression"};
template <>
inline constexpr std::array<std::string_view, 3> kWords<Scaling> = {"standardise", "min_max", "none"};
template <>
inline constexpr std::array<std::string_view, 3> kWords<PictureOptions::Fit> = {"stretch", "crop", "pad"};
template <>
inline constexpr std::array<std::string_view, 3> kWords<PictureOptions::Filter> = {"automatic", "bilinear", "area"};
template <>
inline constexpr std::array<std::string_view, 3> kWords<PictureOptions::Colour> = {"automatic", "grey", "colour"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<Augmentation::Border> = {"black", "edge"};
template <>
inline constexpr std::array<std::string_view, 3> kWords<InputType> = {"numbers", "tokens", "lengths"};
template <>
inline constexpr std::array<std::string_view, 3> kWords<TokenKind> = {"byte", "character", "byte_pair"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<MissingValues> = {"mean", "error"};

/// What a spec names by `kind`: layers, losses, optimisers, schedules.
template <typename T>
concept Kinded = requires(const T& value) {
  value.kind();
  value.attributes();
  value.with(Attributes{});
};

/// The default value of a kind, by name. Each throws InputError with the nearest name.
template <Kinded T>
T of_kind(const std::string& name) {
  if constexpr (std::is_same_v<T, Layer>) {
    return layer_of_kind(name);
  } else if constexpr (std::is_same_v<T, Loss>) {
    return loss_of_kind(name);
  } else if constexpr (std::is_same_v<T, Schedule>) {
    return schedule_of_kind(name);
  } else {
    static_assert(std::is_same_v<T, Method>, "a kind that specs do not know");
    return method_of_kind(name);
  }
}

}  // namespace neurons::toml_names
