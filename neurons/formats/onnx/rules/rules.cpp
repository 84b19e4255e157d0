#include "neurons/formats/onnx/rules/rules.hpp"

namespace neurons::onnx {

const Rule* find_rule(const std::string& domain, const std::string& op_type) {
  static const Rules kRules = [] {
    Rules rules;
    add_shape_rules(rules);
    add_old_form_rules(rules);
    add_batch_rules(rules);
    add_normalization_rules(rules);
    add_combining_rules(rules);
    add_control_flow_rules(rules);
    add_quantization_rules(rules);
    add_patch_rules(rules);
    add_signal_rules(rules);
    add_newest_rules(rules);
    add_sequence_rules(rules);
    add_training_rules(rules);
    return rules;
  }();
  const auto found = kRules.find(domain.empty() ? op_type : domain + "::" + op_type);
  return found == kRules.end() ? nullptr : &found->second;
}

}  // namespace neurons::onnx
