package portvigil

// Verdict is the joined judgement of an endpoint (RULES section 3).
type Verdict string

// The verdicts, in order of precedence: the first whose condition holds is the
// verdict, the others that hold are listed beside it.
const (
	Hidden              Verdict = "hidden"
	Allowed             Verdict = "allowed"
	Pending             Verdict = "pending"
	UnexpectedExposed   Verdict = "unexpected-exposed"
	UnexpectedListening Verdict = "unexpected-listening"
	Changed             Verdict = "changed"
	Missing             Verdict = "missing"
	Gap                 Verdict = "gap"
	Unverified          Verdict = "unverified"
	Expected            Verdict = "expected"
	None                Verdict = "none"
)

// Kind names a finding or an alert. Every verdict that leads to one is a Kind.
type Kind string

// The kinds that are no verdict.
const (
	DoorsToExplain   Kind = "doors-to-explain"
	ManyDoors        Kind = "many-doors"
	HostUnreachable  Kind = "host-unreachable"
	AgentSilent      Kind = "agent-silent"
	VantageBlind     Kind = "vantage-blind"
	EntryUnexplained Kind = "entry-unexplained"
	EntryExpired     Kind = "entry-expired"
	ChannelFailing   Kind = "channel-failing"
	// BaselineUnreadable is about a file of the folder that the baseline follows.
	BaselineUnreadable Kind = "baseline-unreadable"
)

// KindInfo is what every place that shows a kind says of it.
type KindInfo struct {
	Kind     Kind
	Family   Family
	Severity Severity
	Alerts   bool   // raises an alert; otherwise it is a finding only
	Title    string // sentence case, without a full stop
	Why      string // why it matters
	Hint     string // what to do
}

// kinds is the one table of findings and alerts.
var kinds = []KindInfo{
	{Kind(Hidden), FamilyExposure, Critical, true, "A door that the host itself does not show",
		"it answers from outside, and nothing on the host explains it: a hidden listener or a rule that redirects traffic",
		"treat the host as compromised until you know what answers: look at its firewall's redirects and compare its sockets from a trusted medium"},
	{Kind(UnexpectedExposed), FamilyExposure, High, true, "Unexpected open door",
		"anybody who reaches this address can talk to it, and nobody has said why it should be open",
		"if it belongs there, resolve it as expected with a reason and an owner; else stop the service or close the firewall and resolve it as shut"},
	{Kind(UnexpectedListening), FamilyExposure, Medium, true, "Unexpected listener",
		"it listens beyond loopback, so one firewall rule or one neighbour is all that stands before it",
		"if it belongs there, resolve it as expected with a reason and an owner; else stop it or bind it to 127.0.0.1"},
	{Kind(Changed), FamilyExposure, Medium, true, "Changed behind a known door",
		"the door is expected, but what answers behind it is not what the baseline pins",
		"if the change was intended, approve the door anew; else find out who replaced it"},
	{Kind(Missing), FamilyExposure, Medium, true, "Expected door is not open",
		"the baseline says that it should be open, and two looks found that it is not",
		"start the service again, or take the entry out of the baseline"},
	{Kind(Gap), FamilyExposure, Low, false, "Gap in the firewall",
		"the firewall lets these ports through although nothing listens: whatever starts there is open at once",
		"close the rule that lets them through"},
	{Kind(Unverified), FamilyBaseline, Low, false, "Expected door not verified",
		"no fresh complete look of a view that the entry asks for",
		"look at the host again, or mend the view that is blind"},
	{DoorsToExplain, FamilyBaseline, Medium, true, "Doors to explain",
		"these doors were open when the host was first looked at; nobody has said why yet",
		"approve the ones that belong there with a reason and an owner, and shut the others"},
	{ManyDoors, FamilyExposure, High, true, "Many new doors at once",
		"so many doors opened in one look that one cause stands behind them: a firewall that is gone, or a device that answers on every port",
		"look at the host's firewall first"},
	{HostUnreachable, FamilyHealth, Medium, true, "Host not reachable from outside",
		"what is open there is not known any more",
		"check that the host is up and that the way to it works, then look again"},
	{AgentSilent, FamilyHealth, Medium, true, "Inside view is silent",
		"what listens on the host is not known any more",
		"check the agent, or the cron job that reports"},
	{VantageBlind, FamilyHealth, High, true, "Vantage sees nothing",
		"a vantage that reaches none of its hosts has lost its own network",
		"check the network of the vantage"},
	{EntryUnexplained, FamilyBaseline, Low, false, "Baseline entry without a reason",
		"an entry that nobody explained cannot be reviewed",
		"write down why, and who owns it"},
	{EntryExpired, FamilyBaseline, Low, false, "Baseline entry has expired",
		"its doors count as unexpected from now on",
		"renew it with a new date, or remove it"},
	{BaselineUnreadable, FamilyBaseline, Medium, true, "Baseline file cannot be used",
		"what it said before stays in force, and what was changed in it does not count",
		"mend the file; it is read again when it changes"},
	{ChannelFailing, FamilyHealth, High, true, "Channel fails",
		"alerts do not reach the people behind it",
		"test the channel and mend its settings"},
}

// Info returns the table's row for the kind; an unknown kind is told by its
// own name at low severity.
func (k Kind) Info() KindInfo {
	for _, info := range kinds {
		if info.Kind == k {
			return info
		}
	}
	return KindInfo{Kind: k, Family: FamilyExposure, Severity: Low, Title: string(k)}
}

// Kinds returns the whole table, for reference pages.
func Kinds() []KindInfo { return append([]KindInfo(nil), kinds...) }
