#include "benchmarks/measure.hpp"

#include "neurons/kernels/weighted_sum.hpp"

namespace neurons::benchmarks {

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, place);
  return *place;
}

double measure_peak(ThreadTeam& team) {
  constexpr double kMilliseconds = 1.0;
  std::vector<double> peaks(static_cast<std::size_t>(team.size()));
  team.run(
      [](void* context, Worker worker) noexcept {
        (*static_cast<std::vector<double>*>(context))[static_cast<std::size_t>(worker.index)] =
            kernels::measure_fma_peak(kMilliseconds);
      },
      &peaks);
  double sum = 0;
  for (const double peak : peaks) sum += peak;
  return sum;
}

}  // namespace neurons::benchmarks
