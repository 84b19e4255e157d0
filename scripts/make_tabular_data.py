#!/usr/bin/env python3
"""Makes data/{iris,wine,breast_cancer,digits,diabetes}/NAME.csv from the files that scikit-learn carries.

    python3 scripts/make_tabular_data.py SKLEARN_DATASETS_FOLDER DATA_FOLDER

SKLEARN_DATASETS_FOLDER is `sklearn/datasets/data` of an installed scikit-learn (python3-sklearn in Debian, or a wheel). Numbers are
copied as the text that stands there (digits and the diabetes target, stored as 1.51e+02, become plain whole numbers); nothing is
scaled. Only Python's standard library is needed. Prints the SHA-256 of each file, which data/NAME/README.md repeats.
"""

import csv
import gzip
import hashlib
import io
import pathlib
import sys

IRIS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
WINE = ["alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids", "nonflavanoid_phenols",
        "proanthocyanins", "color_intensity", "hue", "od280_od315_of_diluted_wines", "proline"]
CELL = ["radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave_points", "symmetry",
        "fractal_dimension"]
BREAST_CANCER = [f"{statistic}_{name}" for statistic in ("mean", "error", "worst") for name in CELL]
DIABETES = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]


def read(path):
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def labelled(path, features, target):
    """scikit-learn's own form: `samples,features,class names…`, then rows that end with the class's index."""
    rows = list(csv.reader(io.StringIO(read(path))))
    classes = rows[0][2:]
    return [features + [target]] + [row[:-1] + [classes[int(row[-1])]] for row in rows[1:]]


def digits(path):
    rows = [[str(int(float(cell))) for cell in row] for row in csv.reader(io.StringIO(read(path)))]
    return [[f"p{i}" for i in range(64)] + ["digit"]] + rows


def diabetes(features_path, target_path):
    features = [line.split() for line in read(features_path).splitlines()]
    targets = [str(int(float(line))) for line in read(target_path).splitlines()]
    return [DIABETES + ["progression"]] + [row + [target] for row, target in zip(features, targets, strict=True)]


def main():
    source, destination = map(pathlib.Path, sys.argv[1:])
    tables = {
        "iris": labelled(source / "iris.csv", IRIS, "species"),
        "wine": labelled(source / "wine_data.csv", WINE, "cultivar"),
        "breast_cancer": labelled(source / "breast_cancer.csv", BREAST_CANCER, "diagnosis"),
        "digits": digits(source / "digits.csv.gz"),
        "diabetes": diabetes(source / "diabetes_data_raw.csv.gz", source / "diabetes_target.csv.gz"),
    }
    for name, rows in tables.items():
        text = "".join(",".join(row) + "\n" for row in rows)
        path = destination / name / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(hashlib.sha256(text.encode()).hexdigest(), path, len(rows) - 1, "rows")


if __name__ == "__main__":
    main()
