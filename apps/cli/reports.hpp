#pragma once
/// Evaluations as JSON and as text: what several commands say of a model.

#include <cstdint>
#include <optional>
#include <string>

#include "apps/cli/session.hpp"
#include "neurons/spec/evaluate.hpp"

namespace neurons::cli {

/// accuracy, loss (or rmse, mae, r2, loss), samples and what else is known, such as naive_rmse. A number that is not finite becomes
/// null. Classes have names where a model is given.
Json report_json(const Evaluation& evaluation, const Model* model = nullptr);

/// "accuracy 98.13%  loss 0.0712" or "rmse 53.2  mae 42.9  r² 0.497".
std::string one_line(const Evaluation& evaluation);

/// How the errors of a forecast compare with those of forecasts without a network, one line each, and a line for each column where
/// several are forecast; empty for other models.
std::string forecast_lines(const Evaluation& evaluation, int indent = 0);

/// A table of the classes, and the confusion matrix where there are few.
std::string class_table(const Evaluation& evaluation, const Model& model);

/// The help of --output.
inline constexpr const char* kOutputHelp =
    "Of a model of ONNX with several outputs: which (the one that was trained, or the first)";

/// Says on stderr which outputs of a model of ONNX the network does not have, and why.
void note_left_out(const Network& network);
/// The same, and which of several outputs is used where none was named.
void note_output(const Model& model);
/// Says what is assumed of the output, and how to avoid it where there is --values.
void note_assumption(const Model& model, bool has_values = false);

inline constexpr const char* kWindowHelp =
    "Of a model of a text or a series, exported with --any-length: steps that it sees at once (as in training)";

/// The model with windows of so many steps. Where none are wanted and others would do, says on stderr which they are.
Model in_window(Model model, const std::optional<std::int64_t>& steps);

inline constexpr const char* kValuesHelp = "Tell what the network gives as it is: as values, without a softmax";

}  // namespace neurons::cli
