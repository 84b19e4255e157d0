#include "neurons/layers/part.hpp"

namespace neurons {
namespace {

/// What the part sees of the context of its layer.
class PartContext : public BuildContext {
 public:
  PartContext(BuildContext& whole, std::string name) : whole_(whole), name_(std::move(name)), scope_(whole.graph().scope()) {
    whole.graph().set_scope(scope_ + "." + name_);
  }
  ~PartContext() override { whole_.graph().set_scope(scope_); }
  PartContext(const PartContext&) = delete;
  PartContext& operator=(const PartContext&) = delete;

  Graph& graph() override { return whole_.graph(); }
  Mode mode() const override { return whole_.mode(); }
  Value parameter(const std::string& name, const ParameterSpec& spec) override { return whole_.parameter(full(name), spec); }
  bool is_frozen(const std::string& name) const override { return whole_.is_frozen(full(name)); }
  std::uint64_t layer_seed() const override {
    std::uint64_t hash = whole_.layer_seed();  // FNV-1a goes on with the part's name
    for (const char c : name_) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
  }
  Value step() override { return whole_.step(); }
  Following following() const override { return {}; }

 private:
  std::string full(const std::string& name) const { return name_ + "." + name; }
  BuildContext& whole_;
  std::string name_;
  std::string scope_;
};

}  // namespace

Value build_part(BuildContext& context, const std::string& name, const Layer& part, const std::vector<Value>& inputs) {
  PartContext inner(context, name);
  return part.build(inner, inputs);
}

}  // namespace neurons
