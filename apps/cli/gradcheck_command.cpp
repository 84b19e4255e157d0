/// neurons gradcheck SPEC: whether the gradients that training uses are the derivatives of the loss.

#include <algorithm>

#include "apps/cli/arguments.hpp"
#include "apps/cli/session.hpp"
#include "apps/cli/terminal.hpp"
#include "neurons/base/error.hpp"
#include "neurons/spec/check_spec.hpp"

namespace neurons::cli {
namespace {

struct GradcheckArguments {
  std::filesystem::path spec;
  std::int64_t rows = 8;
  std::int64_t elements = 64;
  std::uint64_t seed = 0;
  double tolerance = 1e-5;
};

Json to_json(const GradientCheck& check) {
  return {{"parameter", check.parameter},
          {"elements", check.elements},
          {"checked", check.checked},
          {"worst_error", check.worst_error},
          {"worst_element", check.worst_element},
          {"gradient", check.gradient},
          {"difference", check.difference},
          {"direction_error", check.direction_error}};
}

int check(Session& session, const GradcheckArguments& arguments) {
  const auto places = Session::places();
  const PreparedSpec prepared = prepare(read_spec(arguments.spec), places);
  const auto checks = check_gradients(prepared, arguments.rows, {.elements = arguments.elements, .seed = arguments.seed});
  std::size_t width = 9;
  for (const GradientCheck& one : checks) width = std::max(width, one.parameter.size());
  session.say("{:<{}}  {:>10}  {:>8}  {:>11}  {:>15}", "parameter", width, "elements", "checked", "worst error", "direction error");
  Json list = Json::array();
  double worst = 0;
  for (const GradientCheck& one : checks) {
    session.say("{:<{}}  {:>10}  {:>8}  {:>11.2e}  {:>15.2e}", one.parameter, width, grouped(one.elements), one.checked,
                one.worst_error, one.direction_error);
    list.push_back(to_json(one));
    worst = std::max({worst, one.worst_error, one.direction_error});
  }
  const bool passed = worst <= arguments.tolerance;
  session.answer() = {{"passed", passed}, {"worst_error", worst}, {"tolerance", arguments.tolerance}, {"parameters", list}};
  if (!passed) {
    complain(fmt::format("gradcheck: the worst relative error {:.2e} is above {:.0e}: some gradient is no derivative of the loss",
                         worst, arguments.tolerance));
    return kFailed;
  }
  session.say("worst relative error {:.2e}: the gradients are right", worst);
  return kDone;
}

}  // namespace

void add_gradcheck(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<GradcheckArguments>();
  CLI::App* command =
      session.add_command(app, "gradcheck", "Compare a network's gradients with differences of its loss, in double precision",
                          "  neurons gradcheck examples/iris/iris.toml\n"
                          "  neurons gradcheck net.toml --rows 4 --elements 0",
                          [&session, arguments] { return check(session, *arguments); });
  command->add_option("SPEC", arguments->spec, "A TOML file (docs/specs.md)")->required();
  command->add_option("--rows", arguments->rows, "Samples to look at (8)")->check(whole_number<std::int64_t>(1));
  command->add_option("--elements", arguments->elements, "Of each parameter to look at one by one (64); 0: all")
      ->check(whole_number<std::int64_t>(0));
  command->add_option("--seed", arguments->seed, "Of which elements (0)")->check(whole_number<std::uint64_t>(0));
  command->add_option("--tolerance", arguments->tolerance, "Largest relative error that passes (1e-5)")->check(positive_number());
}

}  // namespace neurons::cli
