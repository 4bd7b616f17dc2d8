package watch

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// queued returns the one delivery that is queued.
func (w *world) queued() portvigil.Delivery {
	w.Helper()
	var list []portvigil.Delivery
	w.view(func(tx Tx) (err error) { list, err = tx.QueuedDeliveries(); return err })
	if len(list) != 1 {
		w.Fatalf("%d deliveries are queued, want one", len(list))
	}
	return list[0]
}

func (w *world) delivery(id string) (d portvigil.Delivery) {
	w.Helper()
	w.view(func(tx Tx) (err error) { d, err = tx.Delivery(id); return err })
	return d
}

func (w *world) ops() portvigil.ChannelRow {
	w.Helper()
	list, err := w.engine.Channels(w.Context())
	w.must(err)
	if len(list) != 1 {
		w.Fatalf("there are %d channels", len(list))
	}
	return list[0]
}

func TestADeliveryThatFailsIsTriedAgainUntilItIsSent(t *testing.T) {
	t.Parallel()
	w, a := raised(t)
	d := w.queued()
	w.post.fail = &Later{Err: errors.New("no answer")}
	for range 3 {
		err := w.engine.Deliver(t.Context(), d.ID)
		var after interface{ RetryAfter() time.Duration }
		if err == nil || errors.As(err, &after) {
			t.Fatalf("a failed attempt ended with %v, want an error without a time", err)
		}
	}
	if got := w.delivery(d.ID); got.State != portvigil.DeliveryQueued || got.Attempts != 3 || got.Error != "no answer" {
		t.Errorf("the delivery is %s after %d attempts: %q", got.State, got.Attempts, got.Error)
	}
	if c := w.ops(); c.LastError != "no answer" || !c.LastFailure.Equal(w.clock()) {
		t.Errorf("the channel says %q at %s", c.LastError, c.LastFailure)
	}
	waiting := func(want map[string]int) {
		t.Helper()
		got, err := w.engine.Queued(t.Context())
		w.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what waits for each channel (-want +got)\n%s", diff)
		}
	}
	waiting(map[string]int{w.ops().ID: 1})
	w.post.fail = nil
	w.must(w.engine.Deliver(t.Context(), d.ID))
	waiting(map[string]int{})
	if got := w.delivery(d.ID); got.State != portvigil.DeliverySent || got.Attempts != 4 || got.Error != "" || got.Alert != a.ID {
		t.Errorf("the delivery is %s after %d attempts: %q", got.State, got.Attempts, got.Error)
	}
	if c := w.ops(); c.LastError != "" || !c.LastSuccess.Equal(w.clock()) {
		t.Errorf("the channel says %q, success at %s", c.LastError, c.LastSuccess)
	}
	w.must(w.engine.Deliver(t.Context(), d.ID)) // the process died before that was noted
	if len(w.post.sent) != 4 {
		t.Errorf("sent %d times, want 4", len(w.post.sent))
	}
	for _, s := range w.post.sent {
		if s.ID != d.ID || string(s.Body) != string(d.Body) {
			t.Errorf("a repeat is another message")
		}
	}
}

func TestAReceiverThatSaysWhenIsHeeded(t *testing.T) {
	t.Parallel()
	w, _ := raised(t)
	w.post.fail = &Later{After: 90 * time.Second, Err: errors.New("too many")}
	err := w.engine.Deliver(t.Context(), w.queued().ID)
	var after interface{ RetryAfter() time.Duration }
	if !errors.As(err, &after) || after.RetryAfter() != 90*time.Second {
		t.Errorf("ended with %v", err)
	}
}

func TestADeliveryIsGivenUpWhereItWillNotGetBetterOrADayIsOver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		fail error
		wait time.Duration
	}{
		{"the receiver is gone", &GiveUp{errors.New("gone")}, 0},
		{"a day is over", &Later{Err: errors.New("gone")}, 24*time.Hour + time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, _ := raised(t)
			d := w.queued()
			w.post.fail = c.fail
			w.after(c.wait)
			w.must(w.engine.Deliver(t.Context(), d.ID))
			if got := w.delivery(d.ID); got.State != portvigil.DeliveryFailed || got.Error != "gone" {
				t.Errorf("the delivery is %s: %q", got.State, got.Error)
			}
			if c := w.ops(); c.LastError != "gone" {
				t.Errorf("the channel says %q", c.LastError)
			}
		})
	}
}

func TestAReceiverThatHangsHasFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, _ := raised(t)
		d := w.queued()
		w.post.wait = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := w.engine.Deliver(ctx, d.ID); err == nil {
			t.Error("it counts as sent")
		}
		if got := w.delivery(d.ID); got.Attempts != 1 || got.Error == "" {
			t.Errorf("after %d attempts the delivery says %q", got.Attempts, got.Error)
		}
		if c := w.ops(); c.LastError == "" {
			t.Error("the channel does not say that it fails")
		}
	})
}

func TestAReceiverThatHangsGetsAFewMessagesAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, _ := raised(t)
		d, release := w.queued(), make(chan struct{})
		w.post.wait = func(context.Context) error { <-release; return nil }
		var sending sync.WaitGroup
		for range channelLanes {
			sending.Go(func() {
				if err := w.engine.Deliver(t.Context(), d.ID); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		comesBack := func(after time.Duration) {
			t.Helper()
			began := time.Now()
			err := w.engine.Deliver(t.Context(), d.ID)
			var later interface{ RetryAfter() time.Duration }
			if !errors.As(err, &later) || later.RetryAfter() < lanesBusy || later.RetryAfter() > 2*lanesBusy {
				t.Errorf("one more message ended with %v, want to come back in a second or two", err)
			}
			if waited := time.Since(began); waited != after {
				t.Errorf("one more message was in line for %v, want %v", waited, after)
			}
		}
		comesBack(lineLasts)
		var inLine sync.WaitGroup
		for range channelLine {
			inLine.Go(func() { comesBack(lineLasts) })
		}
		synctest.Wait()
		comesBack(0)
		if leave, _, busy := w.engine.lanes.enter(t.Context(), portvigil.ChannelRow{ID: "another"}); busy != 0 {
			t.Error("another channel has no lane")
		} else {
			leave()
		}
		inLine.Wait()
		close(release)
		sending.Wait()
		if got := w.delivery(d.ID); got.State != portvigil.DeliverySent {
			t.Errorf("the delivery is %s", got.State)
		}
		if n := len(w.engine.lanes.of); n != 0 {
			t.Errorf("%d channels have lanes taken when nothing is on its way", n)
		}
	})
}

func TestAChannelThatFailsIsTriedWithOneMessageAtATime(t *testing.T) {
	t.Parallel()
	var l lanes
	c := portvigil.ChannelRow{ID: "ops", FailingSince: time.Unix(1, 0)}
	leave, _, busy := l.enter(t.Context(), c)
	if busy != 0 {
		t.Fatalf("the first message has to wait for %v", busy)
	}
	if _, _, busy := l.enter(t.Context(), c); busy != failingBusy {
		t.Errorf("the second message is to come back in %v, want %v", busy, failingBusy)
	}
	leave()
	if _, _, busy := l.enter(t.Context(), c); busy != 0 {
		t.Errorf("the next message has to wait for %v", busy)
	}
}

// slowed has every lane of the channel taken by one message until it is released,
// and another in line, whose outcome is told.
func slowed(ctx context.Context, t *testing.T) (w *world, next portvigil.Delivery, release func(), outcome chan error) {
	t.Helper()
	w, _ = raised(t)
	d, released := w.queued(), make(chan struct{})
	next = d
	next.ID = portvigil.NewID()
	w.must(w.store.Update(t.Context(), func(tx Tx) error { return tx.AddDelivery(next) }))
	w.post.wait = func(context.Context) error { <-released; return w.post.fail }
	var sending sync.WaitGroup
	for range channelLanes {
		sending.Go(func() { _ = w.engine.Deliver(t.Context(), d.ID) })
	}
	synctest.Wait()
	outcome = make(chan error, 1)
	go func() { outcome <- w.engine.Deliver(ctx, next.ID) }()
	synctest.Wait()
	if n := len(w.post.sent); n != channelLanes {
		t.Fatalf("%d messages are on their way, want %d", n, channelLanes)
	}
	return w, next, func() { close(released); sending.Wait() }, outcome
}

func TestAMessageInLineLeavesAsSoonAsThereIsALane(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w, d, release, outcome := slowed(t.Context(), t)
		release()
		if err := <-outcome; err != nil || time.Since(began) != 0 {
			t.Errorf("it ended with %v after %v, want at once", err, time.Since(began))
		}
		if got := w.delivery(d.ID); got.State != portvigil.DeliverySent || w.post.sent[len(w.post.sent)-1].ID != d.ID {
			t.Errorf("it is %s, and the last one sent is %s, not %s", got.State, w.post.sent[len(w.post.sent)-1].ID, d.ID)
		}
	})
}

func TestAMessageInLineIsNotSentOverAChannelThatFailsMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, d, release, outcome := slowed(t.Context(), t)
		w.post.fail = &Later{Err: errors.New("no answer")}
		release()
		err := <-outcome
		var later interface{ RetryAfter() time.Duration }
		if !errors.As(err, &later) || later.RetryAfter() < failingBusy || later.RetryAfter() > 2*failingBusy {
			t.Errorf("it ended with %v, want to come back in 10 to 20 s", err)
		}
		if got := w.delivery(d.ID); got.State != portvigil.DeliveryQueued || got.Attempts != 0 || len(w.post.sent) != channelLanes {
			t.Errorf("it is %s after %d attempts, and %d messages were sent", got.State, got.Attempts, len(w.post.sent))
		}
	})
}

func TestAMessageInLineIsNotSentOverAChannelThatIsRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, _, release, outcome := slowed(t.Context(), t)
		if err := w.engine.RemoveChannel(t.Context(), "ann", w.ops().Name); err != nil {
			t.Fatal(err)
		}
		release()
		if err := <-outcome; err != nil || len(w.post.sent) != channelLanes {
			t.Errorf("it ended with %v, and %d messages were sent, want %d", err, len(w.post.sent), channelLanes)
		}
	})
}

func TestAMessageInLineIsGivenBackWhenTheProcessStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w, d, release, outcome := slowed(ctx, t)
		stop()
		if err := <-outcome; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
		release()
		if got := w.delivery(d.ID); got.State != portvigil.DeliveryQueued || got.Attempts != 0 {
			t.Errorf("it is %s after %d attempts", got.State, got.Attempts)
		}
	})
}

func TestAMessageThatIsCutOffByTheEndIsNoFailure(t *testing.T) {
	t.Parallel()
	w, _ := raised(t)
	d := w.queued()
	ctx, stop := context.WithCancel(t.Context())
	w.post.wait = func(ctx context.Context) error { stop(); return ctx.Err() }
	if err := w.engine.Deliver(ctx, d.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if got := w.delivery(d.ID); got.Attempts != 0 || got.State != portvigil.DeliveryQueued {
		t.Errorf("the delivery is %s after %d attempts", got.State, got.Attempts)
	}
}

func TestAMessageThatArrivedAsTheEndCameIsNoted(t *testing.T) {
	t.Parallel()
	w, _ := raised(t)
	d := w.queued()
	ctx, stop := context.WithCancel(t.Context())
	w.post.wait = func(context.Context) error { stop(); return nil }
	w.must(w.engine.Deliver(ctx, d.ID))
	if got := w.delivery(d.ID); got.State != portvigil.DeliverySent {
		t.Errorf("the delivery is %s: it would be sent once more", got.State)
	}
}

func TestAChannelThatIsRemovedDropsWhatIsQueued(t *testing.T) {
	t.Parallel()
	w, _ := raised(t)
	d := w.queued()
	w.must(w.engine.RemoveChannel(t.Context(), "ann", "ops"))
	w.must(w.engine.Deliver(t.Context(), d.ID)) // what was woken for it
	if len(w.post.sent) > 0 || len(w.deliveries()) > 0 {
		t.Errorf("sent %d, kept %d", len(w.post.sent), len(w.deliveries()))
	}
	w.refused(w.engine.RemoveChannel(t.Context(), "ann", "ops"), portvigil.CodeNotFound)
}

func TestAChannelThatIsRemovedWhileItSendsEndsQuietly(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{nil, &Later{Err: errors.New("no answer")}} {
		w, _ := raised(t)
		d := w.queued()
		w.post.wait = func(ctx context.Context) error {
			w.must(w.engine.RemoveChannel(ctx, "ann", "ops"))
			return failure
		}
		w.must(w.engine.Deliver(t.Context(), d.ID))
	}
}

func TestAnOutcomeThatCouldNotBeNotedIsTriedAgain(t *testing.T) {
	t.Parallel()
	w, _ := raised(t)
	d := w.queued()
	w.store.broken = func() error { return errBroken }
	if err := w.engine.Deliver(t.Context(), d.ID); !errors.Is(err, errBroken) {
		t.Errorf("ended with %v", err)
	}
}

func TestAChannelIsCheckedBeforeItIsAdded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"", "a b", "-ops", "ops\n"} {
		_, err := w.engine.AddChannel(t.Context(), "ann", portvigil.ChannelRow{Name: name})
		w.refused(err, portvigil.CodeInvalid)
	}
	w.post.check = portvigil.Errorf(portvigil.CodeInvalid, "no URL")
	_, err := w.engine.AddChannel(t.Context(), "ann", portvigil.ChannelRow{Name: "ops"})
	w.refused(err, portvigil.CodeInvalid)
	w.post.check = nil
	w.channel("ops")
	_, err = w.engine.AddChannel(t.Context(), "ann", portvigil.ChannelRow{Name: "ops"})
	w.refused(err, portvigil.CodeConflict)
}

func TestAChannelKeepsItsSecretToItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.engine.AddChannel(t.Context(), "ann", portvigil.ChannelRow{Name: "ops", Secret: []byte("s3cret")})
	w.must(err)
	w.must(w.engine.TestChannel(t.Context(), "ann", "ops")) // which writes the row once more
	if c := w.ops(); c.Secret != nil {
		t.Errorf("the list has the secret")
	}
	w.view(func(tx Tx) error {
		c, err := tx.Channel("ops")
		if string(c.Secret) != "s3cret" {
			t.Errorf("the secret is lost")
		}
		return err
	})
}

func TestATestMessageGoesPastTheQueueAndSaysWhatTheReceiverSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.channel("ops")
	w.must(w.engine.TestChannel(t.Context(), "ann", "ops"))
	if len(w.post.sent) != 1 || w.post.sent[0].Event != portvigil.ChannelTest || len(w.deliveries()) > 0 {
		t.Errorf("sent %+v, queued %d", w.post.sent, len(w.deliveries()))
	}
	w.post.fail = errors.New("401 Unauthorized")
	w.refused(w.engine.TestChannel(t.Context(), "ann", "ops"), portvigil.CodeUnavailable)
	if c := w.ops(); c.LastError != "401 Unauthorized" || c.LastSuccess.IsZero() {
		t.Errorf("the channel says %q, success at %s", c.LastError, c.LastSuccess)
	}
	w.refused(w.engine.TestChannel(t.Context(), "ann", "night"), portvigil.CodeNotFound)
}
