package portvigil

import (
	"testing"
	"time"
)

func TestWhatCannotBeDoneToAnAlertIsRefusedWithAHint(t *testing.T) {
	open := Alert{ID: "a1", Kind: Kind(UnexpectedExposed), Family: FamilyExposure, State: AlertNew, Host: "web1", Proto: TCP, Port: 22}
	kind := func(k Kind) Alert {
		a := open
		a.Kind, a.Family = k, k.Info().Family
		return a
	}
	done := open
	done.State, done.Resolution = AlertResolved, &Resolution{Kind: ResolvedShut, Time: dawn}
	past, next := dawn.Add(-time.Second), dawn.Add(day)
	for name, c := range map[string]struct {
		act  func() (Change, error)
		code Code
	}{
		"acknowledge what is resolved":      {func() (Change, error) { return done.Acknowledge("ann", nil, dawn) }, CodeConflict},
		"acknowledge until it is over":      {func() (Change, error) { return open.Acknowledge("ann", &past, dawn) }, CodeInvalid},
		"acknowledge":                       {func() (Change, error) { return open.Acknowledge("ann", &next, dawn) }, ""},
		"investigate before acknowledging":  {func() (Change, error) { return open.Investigate(dawn) }, CodeConflict},
		"investigate what is resolved":      {func() (Change, error) { return done.Investigate(dawn) }, CodeConflict},
		"shut what is resolved":             {func() (Change, error) { return done.Shut("ann", dawn) }, CodeConflict},
		"shut all doors at first sight":     {func() (Change, error) { return kind(DoorsToExplain).Shut("ann", dawn) }, CodeConflict},
		"shut a door that is missing":       {func() (Change, error) { return kind(Kind(Missing)).Shut("ann", dawn) }, CodeConflict},
		"shut a blind view":                 {func() (Change, error) { return kind(HostUnreachable).Shut("ann", dawn) }, CodeConflict},
		"shut":                              {func() (Change, error) { return open.Shut("ann", dawn) }, ""},
		"false without a reason":            {func() (Change, error) { return open.False("ann", "", DoorPrint{}, dawn) }, CodeInvalid},
		"false for many doors":              {func() (Change, error) { return kind(ManyDoors).False("ann", "why", DoorPrint{}, dawn) }, CodeConflict},
		"false":                             {func() (Change, error) { return open.False("ann", "why", DoorPrint{}, dawn) }, ""},
		"accept what is hidden":             {func() (Change, error) { return kind(Kind(Hidden)).Accept("ann", "why", "ann", next, dawn) }, CodeConflict},
		"accept without an owner":           {func() (Change, error) { return open.Accept("ann", "why", "", next, dawn) }, CodeInvalid},
		"accept until a day that is over":   {func() (Change, error) { return open.Accept("ann", "why", "ann", dawn, dawn) }, CodeInvalid},
		"accept what is resolved":           {func() (Change, error) { return done.Accept("ann", "why", "ann", next, dawn) }, CodeConflict},
		"accept with a reason and an owner": {func() (Change, error) { return open.Accept("ann", "why", "ann", next, dawn) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change, err := c.act()
			if ErrorCode(err) != c.code {
				t.Fatalf("error %v, want code %q", err, c.code)
			}
			if told := change.Told != ""; told != (change.Alert.State == AlertResolved) {
				t.Errorf("told %q in state %s: only the end of an alert is told", change.Told, change.Alert.State)
			}
		})
	}
}

func TestAfterAShutTheLooksAreAtOnceAfter1And5And30MinutesThenHourly(t *testing.T) {
	for looks, want := range []time.Duration{0, time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour} {
		if got := ShutLookDue(dawn, looks).Sub(dawn); got != want {
			t.Errorf("look %d is due after %s, want %s", looks, got, want)
		}
	}
}

func TestTheDoorsOfAnAlertAreNamedOnce(t *testing.T) {
	s := raised(t)
	s.outside("9100", atAddress(web6))
	s.wantTold()
	doors, err := s.alerts[0].Doors()
	if err != nil || len(doors) != 1 || doors[0] != (Door{TCP, 9100}) {
		t.Errorf("doors %v, %v", doors, err)
	}
	if _, err := (&Alert{ID: "a1", Kind: HostUnreachable}).Doors(); ErrorCode(err) != CodeConflict {
		t.Errorf("doors of a blind view: %v", err)
	}
}

func TestEveryVerdictThatTellsHasARowInTheTableOfKinds(t *testing.T) {
	want := map[Verdict]Severity{Hidden: Critical, UnexpectedExposed: High, UnexpectedListening: Medium, Changed: Medium,
		Missing: Medium, Gap: Low, Unverified: Low, Allowed: "", Pending: "", Expected: "", None: ""}
	for v, severity := range want {
		e := Exposure{Verdict: v}
		if got := e.Severity(); got != severity {
			t.Errorf("%s is %q, want %q", v, got, severity)
		}
		if tells := e.Tells(); tells != (severity.Rank() >= Medium.Rank()) {
			t.Errorf("%s tells: %v", v, tells)
		}
	}
	seen := map[Kind]bool{}
	for _, info := range Kinds() {
		if seen[info.Kind] || info.Title == "" || info.Why == "" || info.Hint == "" || info.Family == "" || info.Severity.Rank() == 0 {
			t.Errorf("the row of %s is not whole, or is there twice", info.Kind)
		}
		seen[info.Kind] = true
	}
}
