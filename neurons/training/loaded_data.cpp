#include "neurons/training/loaded_data.hpp"

#include <algorithm>

#include "neurons/data/loader.hpp"

namespace neurons {

FlatParameters::FlatParameters(const Network& network) {
  for (const auto& [name, type] : network.trained_parameters()) {
    entries_.push_back({name, type, size_, type.shape.rank() > 1});
    size_ += static_cast<std::size_t>(type.shape.elements());
  }
}

std::vector<double> FlatParameters::read(const Network& network) const {
  std::vector<double> point(size_);
  for (const Entry& entry : entries_) {
    std::ranges::copy(network.parameter(entry.name).values<float>(), point.begin() + static_cast<std::ptrdiff_t>(entry.offset));
  }
  return point;
}

std::vector<double> FlatParameters::decay(double l2) const {
  std::vector<double> result;
  for (const Entry& entry : entries_) {
    result.resize(result.size() + static_cast<std::size_t>(entry.type.shape.elements()), entry.is_weight ? l2 : 0);
  }
  return result;
}

std::vector<std::size_t> FlatParameters::groups() const {
  std::vector<std::size_t> result;
  for (std::size_t e = 0; e < entries_.size(); ++e) {
    result.resize(result.size() + static_cast<std::size_t>(entries_[e].type.shape.elements()), e);
  }
  return result;
}

Tensor FlatParameters::tensor(const Entry& entry, std::span<const double> point) const {
  Tensor result(entry.type);
  const auto numbers = result.values<float>();
  std::ranges::transform(point.subspan(entry.offset, numbers.size()), numbers.begin(),
                         [](double number) { return static_cast<float>(number); });
  return result;
}

void FlatParameters::write(std::span<const double> point, StateStore& states) const {
  for (const Entry& entry : entries_) states.set(entry.name, tensor(entry, point));
}

void FlatParameters::write(std::span<const double> point, Network& network) const {
  for (const Entry& entry : entries_) network.set_parameter(entry.name, tensor(entry, point));
}

std::shared_ptr<StateStore> states_of(const Network& network) {
  auto states = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : network.parameters()) states->set(name, tensor);
  return states;
}

PlannedData::PlannedData(const Dataset& data, const std::string& input, const MakeGraph& make_graph,
                         std::shared_ptr<StateStore> states, const std::shared_ptr<ThreadTeam>& team) {
  const std::int64_t samples = data.samples();
  const std::int64_t count = (samples + kBatchRows - 1) / kBatchRows;
  const std::int64_t rows = (samples + count - 1) / count;
  std::map<std::int64_t, int> slots;
  for (std::int64_t first = 0; first < samples; first += rows) ++slots[std::min(rows, samples - first)];
  for (const auto& [size, needed] : slots) {
    CompileOptions options;
    options.team = team;
    options.slots = needed;
    plans_.emplace(size, compile(make_graph(size), states, options));
  }
  LoaderOptions options;
  options.batch_size = rows;
  options.shuffle = false;
  Loader loader(data, options);
  std::map<std::int64_t, int> used;
  for (std::int64_t first = 0; first < samples; first += rows) {
    const std::int64_t size = std::min(rows, samples - first);
    Plan& plan = plans_.at(size);
    Batch batch{&plan, used[size]++, size, {}, {}, {}};
    batch.inputs = plan.input(input, batch.slot);
    batch.targets = plan.input("target", batch.slot);
    BatchViews views{batch.inputs, batch.targets, {}};
    if (!data.sample_weights.empty()) views.weights = batch.weights = plan.input("sample_weights", batch.slot);
    loader.start(views);
    loader.wait();
    batches_.push_back(batch);
  }
}

}  // namespace neurons
