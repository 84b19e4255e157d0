#!/usr/bin/env python3
"""Compare networks trained by `neurons` with scikit-learn's multilayer perceptrons on the same splits of the bundled tables.

Each table is split 75/25 by seed (stratified for classes). scikit-learn gets its default network and a few sensible ones, all
behind a StandardScaler fitted on the training part; the one with the best five-fold cross-validation **inside the training
part** is taken, so the test part chooses nothing. neurons gets the same training part, the spec from examples/ and no choice.

    python benchmarks/compare_sklearn.py                    all tables, five seeds
    python benchmarks/compare_sklearn.py wine --seeds 1
    python benchmarks/compare_sklearn.py --sklearn-only --json

See benchmarks/README.md.
"""

import argparse
import csv
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import warnings

import numpy
from sklearn import metrics, model_selection, pipeline, preprocessing
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLASSIFICATION = ["iris", "wine", "breast_cancer", "digits"]
REGRESSION = ["diabetes"]

CLASSIFIERS = {
    "default": {},
    "long": {"max_iter": 1000},
    "64-32": {"hidden_layer_sizes": (64, 32), "max_iter": 1000, "alpha": 1e-3},
    "256": {"hidden_layer_sizes": (256,), "max_iter": 1000, "alpha": 1e-2},
    "32 tanh lbfgs": {"hidden_layer_sizes": (32,), "activation": "tanh", "solver": "lbfgs", "alpha": 1.0, "max_iter": 2000},
}
REGRESSORS = {
    "default": {},
    "4 tanh lbfgs": {"hidden_layer_sizes": (4,), "activation": "tanh", "solver": "lbfgs", "alpha": 1.0, "max_iter": 5000},
    "8 tanh lbfgs, strong decay": {"hidden_layer_sizes": (8,), "activation": "tanh", "solver": "lbfgs", "alpha": 10.0, "max_iter": 5000},
    "16 relu lbfgs, strong decay": {"hidden_layer_sizes": (16,), "solver": "lbfgs", "alpha": 30.0, "max_iter": 5000},
    "32 adam, early stop": {"hidden_layer_sizes": (32,), "learning_rate_init": 1e-2, "early_stopping": True, "max_iter": 2000},
}


def read_table(path):
    """Header, rows as written, features as numbers, and the last column."""
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    return header, rows, numpy.array([[float(cell) for cell in row[:-1]] for row in rows]), numpy.array([row[-1] for row in rows])


def split(rows, targets, seed, stratified):
    """Indices of the training part and of the test part."""
    return model_selection.train_test_split(numpy.arange(len(rows)), test_size=0.25, random_state=seed, stratify=targets if stratified else None)


def make_sklearn(kind, settings, seed, regression):
    """The network behind its scaler; a regression's target is standardised, too."""
    network = pipeline.make_pipeline(preprocessing.StandardScaler(), kind(random_state=seed, **settings))
    if not regression:
        return network
    from sklearn.compose import TransformedTargetRegressor

    return TransformedTargetRegressor(network, transformer=preprocessing.StandardScaler())


def score(regression, truth, predicted):
    if not regression:
        return {"accuracy": metrics.accuracy_score(truth, predicted)}
    return {
        "rmse": float(numpy.sqrt(metrics.mean_squared_error(truth, predicted))),
        "mae": metrics.mean_absolute_error(truth, predicted),
        "r2": metrics.r2_score(truth, predicted),
    }


def run_sklearn(features, targets, parts, seed, regression):
    """Test scores of every setting, and which of them cross-validation inside the training part would take."""
    train, test = parts
    results, validation = {}, {}
    kind, choices = (MLPRegressor, REGRESSORS) if regression else (MLPClassifier, CLASSIFIERS)
    for name, settings in choices.items():
        folds = model_selection.KFold if regression else model_selection.StratifiedKFold
        model = make_sklearn(kind, settings, seed, regression)
        validation[name] = model_selection.cross_val_score(model, features[train], targets[train], cv=folds(5, shuffle=True, random_state=seed)).mean()
        model.fit(features[train], targets[train])
        results[name] = score(regression, targets[test], model.predict(features[test]))
    return results, max(validation, key=validation.get)


def write_table(path, header, rows, indices):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header] + [rows[index] for index in indices])


def call(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(part) for part in command)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def find_spec(name):
    found = sorted((ROOT / "examples" / name).glob("*.toml"))
    if not found:
        sys.exit(f"examples/{name}: holds no spec (*.toml)")
    return found[0]


def run_neurons(binary, name, table, parts, seed, regression):
    header, rows = table
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for part, indices in zip(("train", "test"), parts):
            write_table(folder / f"{part}.csv", header, rows, indices)
        call([binary, "train", find_spec(name), "--data", folder / "train.csv", "--out", folder / "run", "--seed", seed, "--quiet"])
        answer = json.loads(call([binary, "evaluate", folder / "run", "--data", folder / "test.csv", "--json"]))
    return {key: answer[key] for key in (("rmse", "mae", "r2") if regression else ("accuracy",))}


def mean_of(runs, key):
    return statistics.fmean(run[key] for run in runs)


def compare(name, options):
    regression = name in REGRESSION
    key = "rmse" if regression else "accuracy"
    header, rows, features, targets = read_table(options.data / name / f"{name}.csv")
    if regression:
        targets = targets.astype(float)
    seeds = []
    for seed in range(options.seeds):
        parts = split(rows, targets, seed, stratified=not regression)
        settings, taken = run_sklearn(features, targets, parts, seed, regression)
        entry = {"seed": seed, "settings": settings, "taken": taken, "sklearn": settings[taken]}
        if not options.sklearn_only:
            entry["neurons"] = run_neurons(options.neurons, name, (header, rows), parts, seed, regression)
        seeds.append(entry)
        print(f"{name}, seed {seed}: sklearn {entry['sklearn'][key]:.4f} ({taken})", file=sys.stderr, flush=True)
    outcome = {"name": name, "measure": key, "seeds": seeds}
    outcome["sklearn_by_setting"] = {
        setting: {measure: mean_of([entry["settings"][setting] for entry in seeds], measure) for measure in values}
        for setting, values in seeds[0]["settings"].items()
    }
    for side in ("sklearn", "neurons"):
        if side in seeds[0]:
            outcome[f"{side}_mean"] = {measure: mean_of([entry[side] for entry in seeds], measure) for measure in seeds[0][side]}
    return outcome


def table(outcomes):
    lines = ["| data | measure | seed | sklearn, chosen on the training part | sklearn default | neurons |", "|---|---|---|---|---|---|"]
    for outcome in outcomes:
        key = outcome["measure"]
        for entry in outcome["seeds"]:
            ours = f"{entry['neurons'][key]:.4f}" if "neurons" in entry else ""
            lines.append(
                f"| {outcome['name']} | {key} | {entry['seed']} | {entry['sklearn'][key]:.4f} ({entry['taken']}) | {entry['settings']['default'][key]:.4f} | {ours} |"
            )
        ours = f"**{outcome['neurons_mean'][key]:.4f}**" if "neurons_mean" in outcome else ""
        lines.append(
            f"| **{outcome['name']}** | {key} | mean | **{outcome['sklearn_mean'][key]:.4f}** | {outcome['sklearn_by_setting']['default'][key]:.4f} | {ours} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = CLASSIFICATION + REGRESSION
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"from {', '.join(known)}; all if none is named")
    parser.add_argument("--seeds", type=int, default=5, help="splits, with seeds 0, 1, … (5)")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "data", help="folder of NAME/NAME.csv (data)")
    parser.add_argument("--neurons", type=pathlib.Path, default=ROOT / "build/release/neurons", help="the command (build/release/neurons)")
    parser.add_argument("--sklearn-only", action="store_true", help="scikit-learn's figures only")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout instead of a table")
    options = parser.parse_args()
    for name in options.names:
        if name not in known:
            parser.error(f"unknown data {name!r}; there are {', '.join(known)}")
    if not options.sklearn_only and not options.neurons.exists():
        parser.error(f"{options.neurons} is not there; build it, name it by --neurons, or give --sklearn-only")
    # Not converging within the default's iterations is part of what the default setting is; child processes inherit this.
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    os.environ["PYTHONWARNINGS"] = "ignore"
    outcomes = [compare(name, options) for name in options.names or known]
    print(json.dumps({"data": outcomes}, indent=2) if options.json else table(outcomes))


if __name__ == "__main__":
    main()
