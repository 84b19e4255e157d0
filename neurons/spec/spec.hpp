#pragma once
/// A whole experiment as one text: the data, the network, and how it is trained. docs/specs.md explains the format.
///
///     [data]
///     source = "iris"
///     test = 0.25
///
///     [network]
///     layers = [
///       { kind = "dense", units = 16, activation = "relu" },
///       { kind = "dense", units = "outputs" },
///     ]
///
///     [augment]               # pictures only
///     shift = 2
///
///     [training]
///     optimizer = { kind = "adam", learning_rate = 0.01 }
///     epochs = 100

#include <filesystem>
#include <string>
#include <string_view>

#include "neurons/spec/data_spec.hpp"
#include "neurons/spec/network_spec.hpp"
#include "neurons/spec/training_spec.hpp"

namespace neurons {

/// What a spec file says, with defaults for what it does not say. The keys of the file are the fields' names: see `fields` of each
/// part, and of the layers, losses, optimisers and schedules themselves.
struct Spec {
  DataSpec data;
  NetworkSpec network;
  TrainingSpec training;
  std::filesystem::path file;  ///< where it was read, for messages and relative paths; no part of the text

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("data", self.data);
    visit("network", self.network);
    visit("augment", self.training.options.augment);
    visit("training", self.training);
  }
};

/// The spec in a text; `name` stands for the file in messages. Throws InputError ("NAME:LINE:COLUMN: …") for what is no TOML, an
/// unknown key (with the nearest known one), a value of the wrong type or out of range, and a layer that names an unknown one.
Spec parse_spec(std::string_view text, const std::filesystem::path& name);

/// The same from a file.
Spec read_spec(const std::filesystem::path& path);

/// The spec as TOML, every field written out. parse_spec of it gives an equal spec.
std::string to_toml(const Spec& spec);

/// Equal in all that to_toml writes.
bool operator==(const Spec& a, const Spec& b);

}  // namespace neurons
