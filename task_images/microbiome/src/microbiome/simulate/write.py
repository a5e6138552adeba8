"""Write a simulated study: reads/, reference.fasta.gz, truth.tsv, metadata.tsv."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from isal import igzip

from microbiome.simulate.bad_files import write_bad_sample
from microbiome.simulate.community import Member, draw_fragments, draw_members
from microbiome.simulate.reads import R1_PROFILE, R2_PROFILE, fastq, pair_templates, sequence_reads
from microbiome.simulate.taxa import V4_FORWARD, V4_REVERSE, Strain, amplicon, make_strains

GROUPS = ("control", "treated")


@dataclass(frozen=True)
class Study:
    """What to make. `pairs` per sample; `abundance`: even, staggered or both (alternating); `bad`: kinds of files."""

    samples: int
    seed: int
    pairs: int = 3000
    members: int = 20
    abundance: str = "both"
    chimera_share: float = 0.05
    keep_primers: bool = False
    bad: tuple[str, ...] = ()


def write_study(folder: Path, study: Study) -> dict[str, int]:
    """Write everything and return counts. The same study gives the same files, whatever was in the folder."""
    reads = folder / "reads"
    reads.mkdir(parents=True, exist_ok=True)
    strains = make_strains(np.random.default_rng([study.seed, 0]))
    _write_reference(folder / "reference.fasta.gz", strains)
    # Two communities that share half of their members: groups that a PCoA can tell apart.
    pools = _two_pools(np.random.default_rng([study.seed, 1]), strains, study.members)
    truth, metadata, pair = [], [], (b"", b"")
    chimeras = 0
    for number in range(1, study.samples + 1):
        random = np.random.default_rng([study.seed, 2, number])
        group = (number - 1) % 2
        staggered = study.abundance == "staggered" or (study.abundance == "both" and (number - 1) // 2 % 2 == 1)
        members = draw_members(random, pools[group], study.members, staggered)
        name = f"sim{number:03d}"
        pair, made = _write_sample(reads, name, number, random, members, study)
        chimeras += made
        truth += [(name, member) for member in members]
        metadata.append(f"{name}\t{GROUPS[group]}\t{'staggered' if staggered else 'even'}")
    for kind in study.bad:
        metadata.append(f"{write_bad_sample(reads, kind, *pair)}\tcontrol\teven")
    _write_truth(folder / "truth.tsv", truth)
    (folder / "metadata.tsv").write_text("sample-id\tgroup\tabundance\n" + "\n".join(metadata) + "\n", "utf-8")
    return {"samples": study.samples, "bad": len(study.bad), "pairs": study.samples * study.pairs, "chimeras": chimeras}


def _two_pools(random: np.random.Generator, strains: list[Strain], members: int) -> tuple[list[Strain], list[Strain]]:
    order = [strains[index] for index in random.permutation(len(strains))]
    half = max(1, members // 2)
    return order[: 2 * half + members % 2], order[half : 3 * half + members % 2]


def _write_sample(
    folder: Path, name: str, number: int, random: np.random.Generator, members: list[Member], study: Study
) -> tuple[tuple[bytes, bytes], int]:
    fragments, _, chimeras = draw_fragments(random, members, study.pairs, study.chimera_share)
    if not study.keep_primers:
        fragments = [fragment[len(V4_FORWARD) : -len(V4_REVERSE)] for fragment in fragments]
    order = random.permutation(len(fragments))
    forward, reverse = pair_templates([fragments[index] for index in order])
    texts = []
    for mate, (templates, profile) in enumerate(((forward, R1_PROFILE), (reverse, R2_PROFILE)), start=1):
        text = fastq(name, mate, *sequence_reads(random, templates, profile))
        path = folder / f"{name}_S{number}_L001_R{mate}_001.fastq.gz"
        path.write_bytes(igzip.compress(text, compresslevel=1, mtime=0))
        texts.append(text)
    return (texts[0], texts[1]), chimeras


def _write_reference(path: Path, strains: list[Strain]) -> None:
    text = "".join(f">{strain.id} {strain.taxon}\n{strain.sequence}\n" for strain in strains)
    path.write_bytes(igzip.compress(text.encode(), compresslevel=2, mtime=0))


def _write_truth(path: Path, rows: list[tuple[str, Member]]) -> None:
    lines = ["sample-id\tsequence\ttaxon\tabundance"]
    for name, member in rows:
        inside = amplicon(member.strain.sequence)[len(V4_FORWARD) : -len(V4_REVERSE)]
        lines.append(f"{name}\t{inside}\t{member.strain.taxon}\t{member.share:.8f}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
