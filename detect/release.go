package detect

import "regexp"

// debianRevision finds the stable release that an update or a backport was
// made for: 2+deb12u3, 1~bpo12+1.
var debianRevision = regexp.MustCompile(`[+~](deb|bpo)(\d{1,2})(?:u\d+|\+\d+)`)

// ubuntuRevision finds the release in 0ubuntu0.22.04.1.
var ubuntuRevision = regexp.MustCompile(`ubuntu\d+\.(\d\d\.\d\d)(?:\.|$)`)

// The code names: debian.org/releases and releases.ubuntu.com.
var (
	debianReleases = map[string]string{
		"7": "wheezy", "8": "jessie", "9": "stretch", "10": "buster",
		"11": "bullseye", "12": "bookworm", "13": "trixie", "14": "forky",
	}
	ubuntuReleases = map[string]string{
		"14.04": "trusty", "16.04": "xenial", "18.04": "bionic", "20.04": "focal",
		"22.04": "jammy", "24.04": "noble", "24.10": "oracular", "25.04": "plucky",
		"25.10": "questing", "26.04": "resolute",
	}
)

// debianRelease returns the release that a Debian revision names, "" where it
// names none, as the revision that a release began with does not.
func debianRelease(revision string) string {
	m := debianRevision.FindStringSubmatch(revision)
	if m == nil || debianReleases[m[2]] == "" {
		return ""
	}
	if m[1] == "bpo" {
		return debianReleases[m[2]] + "-backports"
	}
	return debianReleases[m[2]]
}

// ubuntuRelease is debianRelease for Ubuntu's revisions.
func ubuntuRelease(revision string) string {
	if m := ubuntuRevision.FindStringSubmatch(revision); m != nil {
		return ubuntuReleases[m[1]]
	}
	return ""
}
